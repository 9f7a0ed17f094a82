"""Acceptance sessions in a folder of their own, against the scripted engine: no model, no device, no time."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import matplotlib.backends.backend_svg  # noqa: F401 - see below
import pytest
from fakes.charts import save_nothing
from matplotlib.figure import Figure

# pytester takes back what a session inside this process imports, and numpy does not survive a second import.
import pytest_rawrxd.plugin.activation  # noqa: F401
from pytest_rawrxd.places import package_data

PROFILE = """
title = "a small profile for tests"
kind = "rehearsal"
extends = "embedded"

[protocol.phase1]
min_duration = "2 s"
"""

GUARANTEE = """
import pytest

@pytest.mark.phase1
@pytest.mark.sla("SLA-TPS-GUARANTEE")
def test_guarantee(decode, sla):
    assert decode(variant="Q4_K").throughput >= sla["SLA-TPS-GUARANTEE"]
"""


#: Modules of phase 2 with a subject of their own: hours, restarts, a Prometheus.
NOT_LOAD = ("test_correctness", "test_fault", "test_monitoring", "test_soak", "test_written_down")


class Session:
    """One acceptance session at a time, in this process unless it needs one of its own."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        pytester.makepyprojecttoml('[tool.pytest]\nstrict = true\nsla_acceptance = ["acceptance"]\n')
        pytester.mkdir("acceptance")
        self.write_profile()
        self.write_test(GUARANTEE)
        self.run_dir = pytester.path / "run"

    def write_profile(self, more: str = "", base: str = PROFILE) -> None:
        self.pytester.path.joinpath("small.toml").write_text(base + textwrap.dedent(more))

    def write_test(self, text: str, name: str = "test_guarantee.py") -> None:
        (self.pytester.path / "acceptance" / name).write_text(text)

    def write_shipped(self, *modules: str) -> None:
        """Add acceptance modules of phase 2 that ship, by name; every one of the load test without any."""
        for module in sorted((package_data("acceptance") / "phase2").glob("test_*.py")):
            wanted = module.stem in modules if modules else not module.stem.startswith(NOT_LOAD)
            if wanted:
                self.write_test(module.read_text(encoding="utf-8"), module.name)

    def run(self, *arguments: str, engine: str = "scripted:steady", alone: bool = False) -> pytest.RunResult:
        """Run the folder's acceptance tests; ``alone`` starts a process, which costs its imports again."""
        chosen = ("--sla-profile", "small.toml", "--sla-run-dir", str(self.run_dir), "--sla-engine", engine)
        if alone:
            return self.pytester.runpytest_subprocess("acceptance", *chosen, *arguments, timeout=120)
        return self.pytester.runpytest_inprocess("acceptance", *chosen, *arguments)

    def verdicts(self) -> dict[str, dict[str, object]]:
        found = json.loads((self.run_dir / "verdicts.json").read_text())
        return {entry["id"]: entry for entry in found["criteria"]}

    def every_record(self) -> list[dict[str, object]]:
        ledgers = sorted((self.run_dir / "ledger").glob("*.jsonl"))
        return [json.loads(line) for path in ledgers for line in path.read_text().splitlines()]

    def records(self, kind: str) -> list[dict[str, object]]:
        return [record for record in self.every_record() if record["kind"] == kind]


@pytest.fixture
def acceptance(pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A folder with one acceptance test and a small profile."""
    monkeypatch.setenv("RAWRXD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RAWRXD_SLA_PROFILE", raising=False)
    # Curves have tests of their own, and drawing them again for each session here takes seconds.
    monkeypatch.setattr(Figure, "savefig", save_nothing)
    return Session(pytester)
