"""Hooks that other packages may implement to take part without touching this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_rawrxd.evidence.ledger import Record
    from pytest_rawrxd.profile import Profile
    from pytest_rawrxd.rig.engine.choose import Opener
    from pytest_rawrxd.rig.gpu import Gpu


@pytest.hookspec
def pytest_rawrxd_profile(config: pytest.Config, profile: Profile) -> None:
    """Called once when a profile is active, before collection.

    Raise UsageProblem to refuse the session::

        def pytest_rawrxd_profile(config, profile):
            if profile.kind == "acceptance" and not in_maintenance_window():
                raise UsageProblem("acceptance runs only in the maintenance window")
    """


@pytest.hookspec
def pytest_rawrxd_engine(config: pytest.Config) -> Mapping[str, Opener]:  # type: ignore[empty-body]  # a hookspec
    """Kinds of engine that ``--sla-engine KIND:REST`` may name beside the built-in ones.

    An opener gets what stands behind the colon, and returns an engine of ``rig/engine/protocol.py``::

        def pytest_rawrxd_engine(config):
            return {"warp": lambda rest, setup: WarpEngine(rest, setup.seed)}
    """


@pytest.hookspec
def pytest_rawrxd_gpu(config: pytest.Config) -> Sequence[Gpu]:  # type: ignore[empty-body]  # a hookspec
    """GPUs of this machine that NVML, amdgpu and the Windows registry do not show.

    They count for the profile's ``hardware.gpus`` and stand in the identity of the machine::

        def pytest_rawrxd_gpu(config):
            return [Gpu(name="Warp W1", uuid="warp-0", vram_bytes=16 << 30, driver="7.1", source="warpctl")]
    """


@pytest.hookspec
def pytest_rawrxd_evidence(config: pytest.Config, record: Record) -> None:
    """Called with each record of evidence when it is on disk, in the process and the thread that wrote it.

    Keeps a copy, or only the chain's digests, where the machine that measures cannot change it::

        def pytest_rawrxd_evidence(config, record):
            archive.append(record.id, record.prev)  # ``prev`` is the SHA-256 of the line before this one

    What it raises is said once and does not stop the run: the record is kept already.
    """


@pytest.hookspec
def pytest_rawrxd_signoff(config: pytest.Config, run_dir: Path, verdicts: dict[str, Any]) -> None:
    """Called once by the controller after ``verdicts.json`` and the reports are written.

    Sends the verdict somewhere::

        def pytest_rawrxd_signoff(config, run_dir, verdicts):
            notify(run_dir, verdicts["state"])

    What it raises ends the session with exit code 3: everything is written by then, and nobody was told.
    """


@pytest.hookspec
def pytest_rawrxd_verdict(config: pytest.Config, test: str, entry: dict[str, Any]) -> None:
    """Called in the process that ran ``test``, once for each criterion it claims; ``entry`` is as in verdicts.json.

    Follows a long run from outside::

        def pytest_rawrxd_verdict(config, test, entry):
            metrics.gauge(entry["id"], entry["verdict"] == "PASS")

    What it raises is said once and does not stop the run.
    """
