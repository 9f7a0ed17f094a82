"""The soak as its user meets it: compressed, killed, resumed, refused, with the acceptance tests that ship."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time

import psutil
import pytest

from pytest_rawrxd.places import package_data

PROFILE = """
title = "a soak of seconds"
kind = "rehearsal"
extends = "embedded"

[protocol.soak]
duration = "12 s"
burst_every = "0.5 s"
idle_every = "4 s"
idle = ["0.2 s", "0.4 s"]
restart_every = "4 s"
settle = "0.5 s"
sample_every = "0.2 s"
thermal_every = "0.1 s"
checkpoint_every = "2 s"
review_every = "6 s"
downtime_max = "90 %"

[gates]
min_blocks = 2

[criteria.P2-SOAK-DRIFT]
within = "0 MB +- 500 MB"
"""


FASTER = PROFILE.replace('"12 s"', '"6 s"').replace('restart_every = "4 s"', 'restart_every = "2 s"')


@pytest.fixture
def soak(acceptance):
    """A session with the acceptance tests of the soak that ship."""
    acceptance.write_profile(base=PROFILE)
    (acceptance.pytester.path / "acceptance" / "test_guarantee.py").unlink()
    for module in sorted((package_data("acceptance") / "phase2").glob("test_soak*.py")):
        acceptance.write_test(module.read_text(encoding="utf-8"), module.name)
    return acceptance


def soaked(session):
    return {
        name: entry["verdict"]
        for name, entry in session.verdicts().items()
        if name.startswith("P2-SOAK") and entry["verdict"] != "NOT APPLICABLE"
    }


def test_a_rehearsal_runs_the_whole_soak_in_virtual_seconds(soak):
    soak.run("-q")

    assert set(soaked(soak).values()) == {"PASS"}
    assert len(soaked(soak)) == 15
    assert (soak.run_dir / "stability_48h.html").exists()
    assert "nothing here is a measurement" in (soak.run_dir / "soak_review_day1.html").read_text()


def test_a_second_session_uses_the_finished_soak(soak):
    soak.run("-q")
    began = len(soak.records("soak.begin"))

    soak.run("-q")

    assert (began, len(soak.records("soak.begin"))) == (1, 1)
    assert set(soaked(soak).values()) == {"PASS"}


def test_a_crash_of_the_engine_fails_the_soak_and_the_rest_is_judged(soak):
    soak.write_profile(base=PROFILE.replace("[protocol.soak]", "[protocol.soak]\ntokens = 64"))
    soak.run("-q", engine="scripted:crash")

    found = soaked(soak)
    assert (found["P2-SOAK-CRASH"], found["P2-SOAK-COMPLETE"]) == ("FAIL", "FAIL")
    assert soak.records("trouble")[0]["data"]["during"] == "soak"


def test_the_resume_of_a_finished_soak_is_refused(soak):
    soak.run("-q")

    again = soak.pytester.runpytest_inprocess(
        "acceptance",
        "--sla-profile",
        "small.toml",
        "--sla-engine",
        "scripted:steady",
        "--sla-resume",
        str(soak.run_dir),
    )

    assert again.ret == pytest.ExitCode.USAGE_ERROR
    again.stderr.fnmatch_lines(["*the soak of this run directory is over and cannot go on*"])


def test_the_resume_of_nothing_is_refused(soak):
    soak.run("-q", "-k", "nothing_of_this_name")

    again = soak.pytester.runpytest_inprocess(
        "acceptance",
        "--sla-profile",
        "small.toml",
        "--sla-engine",
        "scripted:steady",
        "--sla-resume",
        str(soak.run_dir),
    )

    assert again.ret == pytest.ExitCode.USAGE_ERROR
    again.stderr.fnmatch_lines(["*there is no soak to resume*"])


def test_a_journal_of_another_profile_is_refused_with_the_field(soak):
    soak.run("-q")
    soak.write_profile("[criteria.P2-LAT-P50]\nat_most = '4 s'\n", base=PROFILE)

    again = soak.run("-q")

    assert again.ret == pytest.ExitCode.USAGE_ERROR
    again.stderr.fnmatch_lines(["*belongs to another identity*", "*profile: *"])


def test_an_acceptance_profile_without_m_soak_says_how_to_start_one(soak):
    soak.write_profile(
        base='title = "an acceptance"\nkind = "acceptance"\nextends = "rx7800xt"\n[hardware]\ngpus = 0\n'
    )

    soak.run("-q")

    drift = soak.verdicts()["P2-SOAK-DRIFT"]
    assert drift["verdict"] == "NOT MEASURED"
    assert drift["next"] == "rawrxd soak start small.toml --run-dir reports/run"


def test_a_killed_suite_goes_on_where_it_was_and_counts_the_gap(soak):
    soak.write_profile(base=FASTER)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "acceptance",
        "-q",
        "-p",
        "no:cacheprovider",
        "--sla-profile",
        "small.toml",
    ]
    chosen = ["--sla-engine", "scripted-process:steady"]
    child = subprocess.Popen([*command, *chosen, "--sla-run-dir", str(soak.run_dir)], cwd=soak.pytester.path)
    ledger = soak.run_dir / "ledger" / "s001-main.jsonl"
    ends = time.monotonic() + 100
    while time.monotonic() < ends and not (ledger.exists() and '"kind":"soak.checkpoint"' in ledger.read_text()):
        assert child.poll() is None
        time.sleep(0.05)
    family = psutil.Process(child.pid).children(recursive=True)
    child.send_signal(signal.SIGKILL)
    child.wait()
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    before = len(soak.records("soak.burst"))

    resumed = soak.pytester.runpytest_subprocess("acceptance", *chosen, "--sla-resume", str(soak.run_dir), timeout=120)

    gaps = [record["data"] for record in soak.records("soak.gap") if record["data"]["cause"] == "the suite ended"]
    bursts = [record["data"]["step"] for record in soak.records("soak.burst")]
    assert resumed.ret in {0, 1}
    assert [gap["seconds"] > 0 for gap in gaps] == [True]
    assert len(bursts) == len(set(bursts)) > before > 0
    assert [record["data"]["why"] for record in soak.records("soak.end")] == ["finished"]
    assert soaked(soak)["P2-SOAK-COMPLETE"] == "PASS"
