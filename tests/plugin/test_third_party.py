"""Somebody else's engine, GPU and criterion: the example of the documentation, run as its reader would."""

import json
import shutil
from pathlib import Path

import pytest

from pytest_rawrxd.cli import main
from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.ledger import read_ledger
from pytest_rawrxd.plugin import hookspecs
from pytest_rawrxd.plugin.preflight import Added

DESIGNED = ("profile", "engine", "gpu", "evidence", "verdict", "signoff")
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "warp"


@pytest.fixture
def warp(pytester, tmp_path, monkeypatch):
    monkeypatch.setenv("RAWRXD_CACHE", str(tmp_path / "cache"))
    shutil.copytree(EXAMPLE, pytester.path, dirs_exist_ok=True)
    return pytester


def run_warp(warp, *more):
    # runpytest adds --basetemp only: the command is the one of docs/how-to.md.
    return warp.runpytest_subprocess(
        "acceptance",
        "--sla-profile",
        "warp.toml",
        "--sla-engine",
        "warp:steady",
        "--sla-run-dir",
        "run",
        *more,
        timeout=300,
    )


def test_the_example_of_the_documentation_keeps_its_own_promise(warp):
    result = run_warp(warp)

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*SLA-COLD-START*<= 90 s*PASS*"])
    verdicts = {e["id"]: e for e in json.loads((warp.path / "run" / "verdicts.json").read_text())["criteria"]}
    own = verdicts["SLA-COLD-START"]
    assert (own["verdict"], own["n"], len(own["evidence"])) == ("PASS", 3, 3)
    assert "the worst of 3" in own["reason"]
    assert (warp.path / "verdicts.log").read_text().splitlines() == ["SLA-COLD-START PASS", "SLA-TPS-GUARANTEE PASS"]
    links = [tuple(line.split()) for line in (warp.path / "chain.log").read_text().splitlines()]
    assert links == [(record.id, record.prev) for record in read_ledger(warp.path / "run" / "ledger")]
    assert json.loads((warp.path / "state.json").read_text())["1"] == "INCOMPLETE"
    card = json.loads((warp.path / "run" / "campaign.json").read_text())
    assert {"name": "Warp W1", "uuid": "warp-0"} in card["identity"]["machine"]["gpus"]
    # Judging again needs none of the maker's code.
    (warp.path / "conftest.py").unlink()
    before = (warp.path / "run" / "verdicts.json").read_bytes()
    assert main(["judge", str(warp.path / "run")]) == 0
    assert (warp.path / "run" / "verdicts.json").read_bytes() == before


def test_a_broken_promise_of_one_s_own_fails_with_the_whole_story(warp):
    profile = warp.path / "warp.toml"
    profile.write_text(profile.read_text().replace('"90 s"', '"1 ns"'))

    result = run_warp(warp, "-k", "ready")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*assert SLA-COLD-START: Warp is ready*required <= 1 ns", "E*missed by*"])


def test_a_profile_that_the_maker_refuses_starts_nothing(warp):
    profile = warp.path / "warp.toml"
    profile.write_text(profile.read_text().replace("gpus = 1", 'gpus = 1\ngpu = "Another W1"'))

    result = run_warp(warp)

    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: Warp runs on its own card", "  found: Another W1", "  possible: Warp W1"])
    assert not (warp.path / "run").exists()


HOOKS_THAT_RAISE = """
def pytest_rawrxd_evidence(config, record):
    raise OSError("the archive is full")

def pytest_rawrxd_verdict(config, test, entry):
    raise OSError("no network")
"""


def test_a_follower_that_raises_is_named_once_and_stops_nothing(acceptance):
    acceptance.pytester.makeconftest(HOOKS_THAT_RAISE)

    result = acceptance.run()

    result.assert_outcomes(passed=1)
    said = result.stderr.str() + result.stdout.str()
    assert said.count("rawrxd: hook pytest_rawrxd_evidence raised OSError: the archive is full; the run goes on") == 1
    assert said.count("rawrxd: hook pytest_rawrxd_verdict raised OSError: no network; the run goes on") == 1
    assert acceptance.verdicts()["SLA-TPS-GUARANTEE"]["verdict"] == "PASS"


def test_nobody_told_of_the_sign_off_ends_with_an_internal_error(acceptance):
    acceptance.pytester.makeconftest("def pytest_rawrxd_signoff(): raise OSError('no network')")

    result = acceptance.run()

    assert result.ret == 3
    result.stdout.fnmatch_lines(
        ["*the verdict is written, and nobody was told*", "*OSError: no network*", "*sign-off*"]
    )
    assert acceptance.verdicts()["SLA-TPS-GUARANTEE"]["verdict"] == "PASS"


def test_the_example_shows_every_hook():
    conftest = (EXAMPLE / "conftest.py").read_text()
    hooks = [name for name in vars(hookspecs) if name.startswith("pytest_rawrxd_")]
    assert sorted(hooks) == sorted(f"pytest_rawrxd_{name}" for name in DESIGNED)
    assert [name for name in hooks if f"def {name}(" not in conftest] == []


def test_an_own_quantity_needs_a_known_unit(acceptance):
    acceptance.write_test("def test_it(record_quantity):\n    record_quantity('x', 1, 'furlong')\n")

    result = acceptance.run()

    result.stdout.fnmatch_lines(["*SuiteDefect: 'furlong' is no unit*", "*possible: ns, us, ms*"])


def test_two_packages_cannot_open_one_kind_of_engine():
    with pytest.raises(UsageProblem, match="two packages open engines of kind warp"):
        Added.of([{"warp": None}, {"warp": None}], [])
    with pytest.raises(UsageProblem, match="scripted"):
        Added.of([{"scripted": None}], [])
