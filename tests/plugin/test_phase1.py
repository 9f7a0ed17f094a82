"""Phase 1 as its user meets it: the shipped acceptance tests against scripted engines, and the way into a commit."""

import shutil
import subprocess

import pytest

from pytest_rawrxd.cli import main
from pytest_rawrxd.places import package_data

GIT = shutil.which("git")
#: What a scripted engine cannot have: files, so neither bytes per token nor tensors nor quality.
FILES = {"P1-BOTTLENECK", "P1-HYBRID", "P1-CURVES", "P1-BW-REPORT", "P1-HYBRID-REPORT", "P1-DECISION"}
ROADMAP = """
title = "the roadmap against a scripted engine"
extends = "rx7800xt"
"""


@pytest.fixture
def phase1(acceptance):
    """A session with the acceptance tests of phase 1 that ship."""
    for module in sorted((package_data("acceptance") / "phase1").glob("test_*.py")):
        acceptance.write_test(module.read_text(encoding="utf-8"), module.name)
    return acceptance


def outcome(phase1):
    entries = phase1.verdicts()
    return {identifier: entry["verdict"] for identifier, entry in entries.items() if entry["phase"] == 1}


def test_every_criterion_of_phase_1_is_claimed_by_a_test_that_ships(phase1):
    phase1.run("-k", "nothing")
    phase1.run("-k", "target_throughput")

    assert [i for i, entry in phase1.verdicts().items() if entry["phase"] == 1 and not entry["claimed_by"]] == []


@pytest.mark.parametrize("engine", ["scripted:steady", "scripted:slow", "scripted:noisy"])
def test_a_rehearsal_gives_the_same_verdicts_on_a_quiet_a_slow_and_a_noisy_machine(phase1, engine):
    phase1.run(engine=engine)

    found = outcome(phase1)
    open_ = {identifier for identifier, verdict in found.items() if verdict == "NOT MEASURED"}
    assert open_ == FILES
    assert set(found.values()) == {"PASS", "NOT MEASURED", "NOT APPLICABLE"}


def test_what_was_answered_stands_on_the_page(phase1):
    phase1.run(engine="scripted:noisy")

    page = (phase1.run_dir / "signoff-phase1.html").read_text()
    reason = phase1.verdicts()["P1-PEAK"]["reason"]
    assert reason.split(":")[0] in {"CONFIRMED", "UNDECIDED"}
    assert reason in page
    assert "26 more" in page


def test_trouble_of_the_engine_is_no_broken_promise(phase1):
    result = phase1.run(engine="scripted:crash")

    assert result.ret == 1
    assert set(outcome(phase1).values()) == {"INVALID", "NOT MEASURED", "NOT APPLICABLE"}
    assert phase1.verdicts()["P1-MATRIX"]["verdict"] == "INVALID"


def test_the_sustained_test_comes_after_every_cell(phase1):
    phase1.run()

    kinds = [record["kind"] for record in phase1.every_record() if record["kind"].endswith(".run")]
    assert kinds[-1] == "bandwidth.run"
    assert set(kinds[:-1]) == {"decode.run"}


def test_a_selection_measures_only_what_it_needs(phase1):
    phase1.run("-k", "q2_k_is_the_speed_champion")

    cells = [(run["data"]["variant"], run["data"]["tokens"]) for run in phase1.records("decode.run")]
    assert sorted(set(cells)) == sorted((v, 64) for v in ("Q2_K", "Q4_K", "Q5_K_M", "Q6_K", "Q8_0", "Hybrid"))
    assert phase1.records("bandwidth.run") == []


def test_the_roadmap_is_judged_and_not_rehearsed_by_its_own_profile(phase1):
    phase1.write_profile(base=ROADMAP)

    phase1.run("-k", "peak_variant or cpu_baseline or speed")

    found = phase1.verdicts()
    assert "UNDECIDED" not in found["P1-PEAK"]["reason"]
    assert found["P1-TPS-Q4_K"]["verdict"] == "PASS"
    assert found["P1-TPS-Hybrid"]["verdict"] == "FAIL"


@pytest.mark.skipif(GIT is None, reason="no git on this machine")
def test_run_publish_commit_judge_publish_commit(phase1, monkeypatch, capsys):
    def git(*arguments):
        subprocess.run([GIT, *arguments], check=True, capture_output=True, cwd=phase1.pytester.path)

    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "a tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    git("init", "--quiet")
    phase1.write_profile(base=ROADMAP)
    phase1.run("-k", "data or guaranteed")
    assert phase1.verdicts()["P1-DATA"]["verdict"] == "NOT MEASURED"

    main(["publish", str(phase1.run_dir)])
    main(["judge", str(phase1.run_dir)])
    assert "git has no commit with the published copy" in capsys.readouterr().err
    assert phase1.verdicts()["P1-DATA"]["verdict"] == "NOT MEASURED"

    git("add", "reports")
    git("commit", "--quiet", "--message=evidence")
    main(["judge", str(phase1.run_dir)])
    found = phase1.verdicts()["P1-DATA"]
    assert found["verdict"] == "PASS"
    assert "on no remote branch" in found["reason"]

    main(["publish", str(phase1.run_dir)])
    git("add", "reports")
    git("commit", "--quiet", "--message=verdicts")
    before = {path: path.read_bytes() for path in phase1.run_dir.rglob("*") if path.is_file()}
    main(["judge", str(phase1.run_dir)])
    assert {path: path.read_bytes() for path in phase1.run_dir.rglob("*") if path.is_file()} == before
