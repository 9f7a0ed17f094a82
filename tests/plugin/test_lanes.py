"""Two lanes of a profile with two GPUs: both measure, and a lane that dies takes nothing of the other with it."""

import json
import xml.etree.ElementTree as ET

import pytest

from pytest_rawrxd.verdict.unfinished import TEST

KEPT = {"test_one": "Q2_K", "test_two": "Q4_K", "test_three": "Q5_K_M", "test_five": "Q6_K"}
TESTS_AND_DEATH = ("test_one", "test_two", "test_three", "test_four", "test_five")

TWO_GPUS = "[hardware]\ngpus = 2\n" + "".join(
    f"""
[criteria.P1-TPS-{name}]
title = "A promise of {name}"
source = "a test of the instrument"
kind = "floor"
metric = "decode_tps"
where = {{ variant = "{KEPT.get(name, "Q4_K")}", tokens = 64 }}
at_least = "2 tok/s"
"""
    for name in TESTS_AND_DEATH
)

#: Two workers get the first four in pairs or in turn: either way the one that dies has measured before.
TESTS = "import os\nimport pytest\n\npytestmark = pytest.mark.phase1\n" + "".join(
    f"""
@pytest.mark.sla("P1-TPS-{name}")
def {name}(decode, sla):
    {f'assert decode(variant="{KEPT[name]}").throughput >= sla["P1-TPS-{name}"]' if name in KEPT else "os._exit(9)"}
"""
    for name in TESTS_AND_DEATH
)


def test_both_lanes_measure_and_one_that_dies_loses_its_own_test_and_no_other(acceptance):
    acceptance.write_profile(TWO_GPUS)
    acceptance.write_test(TESTS)

    result = acceptance.run("-n", "2", "--junitxml=j.xml", "--alluredir=a", alone=True)

    assert result.ret == 1
    verdicts = acceptance.verdicts()
    assert verdicts["P1-TPS-test_four"]["verdict"] == "INVALID"
    assert "did not finish: its process died while it ran" in verdicts["P1-TPS-test_four"]["reason"]
    assert {verdicts[f"P1-TPS-{name}"]["verdict"] for name in KEPT} == {"PASS"}
    # What the dead lane had measured before counts.
    workers = {each.split("-")[1] for name in KEPT for each in verdicts[f"P1-TPS-{name}"]["evidence"]}
    assert workers >= {"gw0", "gw1"}
    held = {record["worker"]: record["data"]["lane"]["number"] for record in acceptance.records("machine")}
    assert sorted((held["gw0"], held["gw1"])) == [0, 1]
    dead = next(each["worker"] for each in acceptance.records(TEST) if each["data"]["test"].endswith("::test_four"))
    assert held.get("gw2", held[dead]) == held[dead], "the worker in its place goes on with its lane"

    junit = ET.parse(acceptance.pytester.path / "j.xml")  # noqa: S314 - written by pytest just now
    cases = {case.get("name"): case for case in junit.getroot().iter("testcase")}
    assert set(cases) == set(TESTS_AND_DEATH)
    assert {name for name, case in cases.items() if case.find("failure") is not None} == {"test_four"}
    told = [json.loads(path.read_text()) for path in (acceptance.pytester.path / "a").glob("*-result.json")]
    status = {each["fullName"].partition("#")[2]: each["status"] for each in told}
    assert {name: status[name] for name in cases} == dict.fromkeys(KEPT, "passed") | {"test_four": "broken"}


#: Each waits for the other, for a minute at most: the one compares while the other is in the middle of its test.
ONE_CRITERION = """
import time
from pathlib import Path
import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.phase1

def wait_for(name):
    ends = time.monotonic() + 60
    while not (HERE / name).exists():
        assert time.monotonic() < ends, f"no {name}"
        time.sleep(0.02)

@pytest.mark.sla("P1-TPS-test_two")
def test_earlier(decode, sla):
    wait_for("later-began")
    try:
        assert decode(variant="Q4_K").throughput >= sla["P1-TPS-test_two"]
    finally:
        (HERE / "earlier-compared").touch()

@pytest.mark.sla("P1-TPS-test_two")
def test_later(decode, sla):
    (HERE / "later-began").touch()
    wait_for("earlier-compared")
    assert decode(variant="Q4_K").throughput >= sla["P1-TPS-test_two"]
"""


def test_a_lane_that_compares_while_another_is_still_measuring_is_not_told_that_it_died(acceptance):
    acceptance.write_profile(TWO_GPUS)
    acceptance.write_test(ONE_CRITERION)

    result = acceptance.run("-n", "2", alone=True)

    result.assert_outcomes(passed=2)
    assert result.ret == 0
    entry = acceptance.verdicts()["P1-TPS-test_two"]
    assert entry["verdict"] == "PASS"
    assert {each.split("-")[1] for each in entry["evidence"]} == {"gw0", "gw1"}, "the session judges what both measured"


def test_three_workers_on_two_gpus_are_refused(acceptance):
    acceptance.write_profile(TWO_GPUS)

    result = acceptance.run("-n", "3")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*more workers than GPU lanes*", "*found: 3 workers*", "*possible: at most 2:*"])
