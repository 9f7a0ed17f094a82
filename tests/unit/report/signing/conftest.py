"""A small run of a scripted engine that keeps its one promise, judged, with its pages, and keys for its three roles."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fakes.charts import save_nothing
from fakes.scripted_run import Scripted
from matplotlib.figure import Figure

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Profile, load_profile
from pytest_rawrxd.profile.hardware import Roles, Target
from pytest_rawrxd.profile.profile import digest_of
from pytest_rawrxd.report.render import render
from pytest_rawrxd.report.signing.keys import generate, load_keys, load_signer
from pytest_rawrxd.report.signing.sign import sign
from pytest_rawrxd.rig.engine.scenes import SCENES
from pytest_rawrxd.rig.engine.scripted import ScriptedEngine
from pytest_rawrxd.verdict.judge import judge

ROLES = ("GPU Engineering Lead", "DevOps Lead", "Technical Lead")
PROMISED = "SLA-TPS-GUARANTEE"
TODAY = date(2026, 1, 5)
AT = "2026-01-05T10:00:00+00:00"


def acceptance(**changes: Any) -> Profile:
    """A profile with one criterion whose target is the scripted engine: what it measures can be signed."""
    base = load_profile("embedded")
    info = ScriptedEngine(SCENES["steady"], seed=0).info
    changed = {
        "name": "scripted",
        "kind": "acceptance",
        "target": Target(item="the scripted engine", engine=info.name, backend=info.backend),
        "criteria": {PROMISED: base.criteria[PROMISED]},
        "roles": Roles(sign_off=ROLES),
        **changes,
    }
    profile = base.model_copy(update=changed)
    return profile.model_copy(update={"digest": digest_of(profile)})


class Run:
    """A judged run and the keys of its signers."""

    def __init__(self, path: Path, keys: Path) -> None:
        self.path = path
        self.keys_folder = keys

    @property
    def keys(self) -> Any:
        return load_keys(self.keys_folder)

    def judge(self) -> dict[str, Any]:
        evidence = Evidence.read(self.path)
        verdicts = judge(evidence)
        render(evidence, verdicts)
        return verdicts

    def sign(self, *roles: str, accept: bool = True, **changes: Any) -> list[Path]:
        given = {"phase": 1, "accept": accept, "at": AT, "today": TODAY, **changes}
        return [path for role in roles or ROLES for path in sign(self.path, role, self.signer(role), **given)]

    def signer(self, role: str) -> Any:
        return load_signer(self.keys_folder / f"{role.lower().replace(' ', '-')}.key", lambda _: "")


@pytest.fixture(scope="session")
def keys_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for role in ROLES:
        generate(folder, role, None)
    return folder


@pytest.fixture(scope="session")
def measured_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scripted = Scripted(tmp_path_factory.mktemp("once") / "run", acceptance(), {"cpu": "a", "gpus": []}, {})
    scripted.session()
    return scripted.path


@pytest.fixture
def run(measured_once: Path, keys_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A copy of the measured run, judged, not signed yet."""
    monkeypatch.setattr(Figure, "savefig", save_nothing)
    shutil.copytree(measured_once, tmp_path / "run")
    shutil.copytree(keys_once, tmp_path / "keys")
    found = Run(tmp_path / "run", tmp_path / "keys")
    found.judge()
    return found


@pytest.fixture
def measured(tmp_path: Path, keys_once: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """``measured(profile)``: a run of another profile, judged."""
    monkeypatch.setattr(Figure, "savefig", save_nothing)

    def build(profile: Profile, name: str = "other", **engine: Any) -> Run:
        scripted = Scripted(tmp_path / name, profile, {"cpu": "a", "gpus": []}, engine)
        scripted.session()
        if not (tmp_path / "keys").exists():
            shutil.copytree(keys_once, tmp_path / "keys")
        found = Run(scripted.path, tmp_path / "keys")
        found.judge()
        return found

    return build
