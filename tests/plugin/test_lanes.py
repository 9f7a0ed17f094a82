"""Two lanes of a profile with two GPUs: both measure, and a lane that dies takes nothing of the other with it."""

import json
import xml.etree.ElementTree as ET

import pytest

from pytest_rawrxd.verdict.unfinished import TEST

TWO_GPUS = """
[hardware]
gpus = 2

[criteria.P1-TPS-DEAD]
title = "A promise whose process dies"
source = "a test of the instrument"
kind = "floor"
metric = "decode_tps"
where = { variant = "Q4_K", tokens = 64 }
at_least = "2 tok/s"

[criteria.P1-TPS-OTHER]
title = "A promise that another lane keeps"
source = "a test of the instrument"
kind = "floor"
metric = "decode_tps"
where = { variant = "Q2_K", tokens = 64 }
at_least = "2 tok/s"
"""

#: Of five tests xdist gives two to each of two workers, in order, and the last to whoever is free.
TESTS = """
import os
import pytest

pytestmark = pytest.mark.phase1

@pytest.mark.sla("P1-TPS-OTHER")
def test_other(decode, sla):
    assert decode(variant="Q2_K").throughput >= sla["P1-TPS-OTHER"]

@pytest.mark.sla("P1-TPS-OTHER")
def test_other_again(decode, sla):
    assert decode(variant="Q2_K").throughput >= sla["P1-TPS-OTHER"]

@pytest.mark.sla("SLA-TPS-GUARANTEE")
def test_guarantee(decode, sla):
    assert decode(variant="Q4_K").throughput >= sla["SLA-TPS-GUARANTEE"]

@pytest.mark.sla("P1-TPS-DEAD")
def test_dead(decode, sla):
    os._exit(9)

@pytest.mark.sla("SLA-TPS-GUARANTEE")
def test_guarantee_again(decode, sla):
    assert decode(variant="Q4_K").throughput >= sla["SLA-TPS-GUARANTEE"]
"""


def test_both_lanes_measure_and_one_that_dies_loses_its_own_test_and_no_other(acceptance):
    acceptance.write_profile(TWO_GPUS)
    acceptance.write_test(TESTS)

    result = acceptance.run("-n", "2", "--junitxml=j.xml", "--alluredir=a", alone=True)

    assert result.ret == 1
    verdicts = acceptance.verdicts()
    assert verdicts["P1-TPS-DEAD"]["verdict"] == "INVALID"
    assert "did not finish: its process died while it ran" in verdicts["P1-TPS-DEAD"]["reason"]
    assert verdicts["SLA-TPS-GUARANTEE"]["verdict"] == verdicts["P1-TPS-OTHER"]["verdict"] == "PASS"
    began = {record["data"]["test"].split("::")[1]: record["worker"] for record in acceptance.records(TEST)}
    dead, living = began["test_dead"], began["test_other"]
    assert {dead, living} == {"gw0", "gw1"}
    assert {each.split("-")[1] for each in verdicts["P1-TPS-OTHER"]["evidence"]} == {living}
    # What the dead lane had measured before counts.
    assert dead in {each.split("-")[1] for each in verdicts["SLA-TPS-GUARANTEE"]["evidence"]}
    held = {record["worker"]: record["data"]["lane"]["number"] for record in acceptance.records("machine")}
    assert sorted((held[dead], held[living])) == [0, 1]
    assert held.get("gw2", held[dead]) == held[dead], "the worker in its place goes on with its lane"

    junit = ET.parse(acceptance.pytester.path / "j.xml")  # noqa: S314 - written by pytest just now
    cases = {case.get("name"): case for case in junit.getroot().iter("testcase")}
    assert len(cases) == 5
    assert {name for name, case in cases.items() if case.find("failure") is not None} == {"test_dead"}
    told = [json.loads(path.read_text()) for path in (acceptance.pytester.path / "a").glob("*-result.json")]
    status = {each["fullName"].partition("#")[2]: each["status"] for each in told}
    assert {name: status[name] for name in cases} == dict.fromkeys(cases, "passed") | {"test_dead": "broken"}


def test_three_workers_on_two_gpus_are_refused(acceptance):
    acceptance.write_profile(TWO_GPUS)

    result = acceptance.run("-n", "3")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*more workers than GPU lanes*", "*found: 3 workers*", "*possible: at most 2:*"])
