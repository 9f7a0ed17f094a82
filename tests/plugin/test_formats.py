"""One story in every format: terminal, JUnit, pytest-html, Allure and the page tell the verdicts of verdicts.json."""

import html
import json
import re
import xml.etree.ElementTree as ET

import pytest
from fakes.charts import CONFTEST

from pytest_rawrxd.evidence.waivers import record_waivers
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.verdict.outcome import Verdict

PROFILE = """
[criteria.SLA-TPS-TARGET]
not_applicable = "absolute expectations"

[criteria.P1-TPS-BROKEN]
title = "A promise nobody can keep"
source = "a test of the instrument"
kind = "floor"
metric = "decode_tps"
where = { variant = "Q4_K", tokens = 64 }
at_least = "100 tok/s"

[criteria.P1-TPS-OPEN]
title = "A promise too close to call"
source = "a test of the instrument"
kind = "floor"
metric = "decode_tps"
where = { variant = "Q4_K", tokens = 64 }
at_least = "80 tok/s"

[criteria.P1-TPS-SETUP]
title = "A promise whose fixture fails"
source = "a test of the instrument"
kind = "floor"
metric = "decode_tps"
where = { variant = "Q4_K", tokens = 64 }
at_least = "2 tok/s"

[criteria.P1-TPS-DEAD]
title = "A promise whose process dies"
source = "a test of the instrument"
kind = "floor"
metric = "decode_tps"
where = { variant = "Q4_K", tokens = 64 }
at_least = "2 tok/s"

[criteria.P1-TPS-WAIVED]
title = "A broken promise that somebody answers for"
source = "a test of the instrument"
kind = "floor"
metric = "decode_tps"
where = { variant = "Q4_K", tokens = 64 }
at_least = "100 tok/s"

[criteria.P1-TPS-SKIPPED]
title = "A promise whose test was left out"
source = "a test of the instrument"
kind = "floor"
metric = "decode_tps"
where = { variant = "Q4_K", tokens = 64 }
at_least = "2 tok/s"

[criteria.P1-TPS-ABSENT]
title = "A promise of a cell that nobody measured"
source = "a test of the instrument"
kind = "range"
metric = "gpu_speedup"
where = { variant = "Q4_K", tokens = 64 }
at_least = "1 x"
"""

TESTS = """
import os
import pytest

pytestmark = pytest.mark.phase1

@pytest.mark.sla("SLA-TPS-GUARANTEE")
def test_kept(decode, sla):
    assert decode(variant="Q4_K").throughput >= sla["SLA-TPS-GUARANTEE"]

@pytest.mark.sla("P1-TPS-BROKEN")
def test_broken(decode, sla):
    assert decode(variant="Q4_K").throughput >= sla["P1-TPS-BROKEN"]

@pytest.mark.sla("P1-TPS-OPEN")
def test_open(decode, sla):
    assert decode(variant="Q4_K").throughput >= sla["P1-TPS-OPEN"]

@pytest.mark.sla("P1-TPS-ABSENT")
def test_absent(decode, sla):
    assert decode(variant="Q4_K").gpu_speedup >= sla["P1-TPS-ABSENT"]

@pytest.mark.sla("P1-TPS-WAIVED")
def test_waived(decode, sla):
    assert decode(variant="Q4_K").throughput >= sla["P1-TPS-WAIVED"]

@pytest.mark.sla("P1-TPS-SKIPPED")
@pytest.mark.skip(reason="no time today")
def test_skipped(decode, sla):
    assert decode(variant="Q4_K").throughput >= sla["P1-TPS-SKIPPED"]

@pytest.mark.sla("SLA-TPS-TARGET")
def test_excused(decode, sla):
    assert decode(variant="Q4_K").throughput >= sla["SLA-TPS-TARGET"]

@pytest.fixture
def nothing():
    raise RuntimeError("no such thing")

@pytest.mark.sla("P1-TPS-SETUP")
def test_setup(decode, sla, nothing):
    assert decode(variant="Q4_K").throughput >= sla["P1-TPS-SETUP"]
"""

DEAD = """

@pytest.mark.sla("P1-TPS-DEAD")
def test_dead(decode, sla):
    os._exit(9)
"""

EXPECTED = {
    "SLA-TPS-GUARANTEE": "PASS",
    "P1-TPS-BROKEN": "FAIL",
    "P1-TPS-OPEN": "INCONCLUSIVE",
    "P1-TPS-ABSENT": "NOT MEASURED",
    "P1-TPS-WAIVED": "WAIVED",
    "P1-TPS-SKIPPED": "NOT MEASURED",
    "SLA-TPS-TARGET": "NOT APPLICABLE",
    "P1-TPS-SETUP": "INVALID",
}
WAIVER = """
[[waiver]]
criterion = "P1-TPS-WAIVED"
owner = "a test of the instrument"
reason = "to see it in every format"
ticket = "RX-1"
expiry = 2999-12-31
compensating_measure = "none is needed"
"""
STATUS = {
    "test_kept": "passed",
    "test_broken": "failed",
    "test_open": "broken",
    "test_absent": "broken",
    "test_waived": "passed",
    "test_skipped": "skipped",
    "test_excused": "skipped",
    "test_setup": "broken",
}


def junit(path):
    """Criterion -> (verdict, sentence), and test -> what became of it."""
    cases = {case.get("name"): case for case in ET.parse(path).getroot().iter("testcase")}  # noqa: S314 - written by pytest just now
    told, outcome = {}, {}
    for name, case in cases.items():
        outcome[name] = next(
            (kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None), "passed"
        )
        properties = {each.get("name"): each.get("value") for each in case.iter("property")}
        for key, value in properties.items():
            if key.startswith("rawrxd:"):
                identifier = key.removeprefix("rawrxd:")
                told[identifier] = json.loads(value)["verdict"]
                assert properties[identifier].startswith(told[identifier] + ": ")
    return told, outcome


def page(path):
    """Criterion -> the cells of pytest-html's own columns."""
    blob = re.search(r'data-jsonblob="([^"]*)"', path.read_text()).group(1)
    rows = {}
    for tests in json.loads(html.unescape(blob))["tests"].values():
        for test in tests:
            cells = [re.sub(r"<.*?>", "", cell) for cell in test["resultsTableRow"]]
            rows[cells[2]] = {"result": cells[0], "measured": cells[3], "bound": cells[5], "verdict": cells[7]}
    return rows


def allure(folder):
    found = [json.loads(path.read_text()) for path in folder.glob("*-result.json")]
    told, status = {}, {}
    for result in found:
        suite, _, name = result["fullName"].partition("#")
        status[name] = result["status"]
        for each in result.get("parameters", []):
            if each.get("excluded") and suite != "rawrxd.phases":
                told[each["name"]] = each["value"].strip("'").split(":")[0]
    return told, status, found


@pytest.mark.parametrize("lanes", [(), ("-n", "1")], ids=["in one process", "with a worker"])
def test_every_format_tells_the_verdicts_of_verdicts_json(acceptance, lanes):
    acceptance.write_profile(PROFILE)
    acceptance.write_test(TESTS + (DEAD if lanes else ""))
    acceptance.pytester.makeconftest(CONFTEST)
    # Waivers belong to a run directory, so there is one before the session that is looked at.
    acceptance.run("-k", "kept")
    record_waivers(acceptance.run_dir, WAIVER.encode(), SYSTEM.wall().date(), SYSTEM)
    folder = acceptance.pytester.path
    expected = EXPECTED | ({"P1-TPS-DEAD": "INVALID"} if lanes else {})
    assert set(EXPECTED.values()) == set(Verdict)

    result = acceptance.run("--junitxml=j.xml", "--html=h.html", "--alluredir=a", *lanes, alone=True)

    assert result.ret == 1
    final = acceptance.verdicts()
    assert {name: final[name]["verdict"] for name in expected} == expected
    for name, verdict in expected.items():
        if verdict != "NOT APPLICABLE":
            result.stdout.fnmatch_lines([f"*{name}*{verdict}*"])

    told, outcome = junit(folder / "j.xml")
    assert told == expected
    assert outcome["test_setup"] == "error"
    assert outcome["test_excused"] == outcome["test_skipped"] == "skipped"
    assert outcome["test_waived"] == outcome["test_kept"] == "passed"
    assert outcome["test_broken"] == outcome["test_open"] == "failure"

    rows = page(folder / "h.html")
    assert {name: row["verdict"] for name, row in rows.items() if name} == expected
    assert rows["SLA-TPS-GUARANTEE"]["bound"] == "&gt;= 2 tok/s"
    assert rows["SLA-TPS-GUARANTEE"]["measured"].endswith(" tok/s")
    assert rows["P1-TPS-SETUP"]["result"] == "Error"
    assert rows["P1-TPS-SKIPPED"]["result"] == "Skipped"
    assert rows["P1-TPS-WAIVED"]["result"] == "Passed"
    assert "REHEARSAL" in (folder / "h.html").read_text()

    told, status, results = allure(folder / "a")
    assert {name: status[name] for name in STATUS} == STATUS
    assert told == expected
    assert status["phase1"] == "failed"
    assert len(results) == len(expected) + 3
    if lanes:
        assert outcome["test_dead"] == "failure"
        assert rows["P1-TPS-DEAD"]["result"] == "Failed"
        assert status["test_dead"] == "broken"
        assert "did not finish: its process died while it ran" in final["P1-TPS-DEAD"]["reason"]
    signoff = (acceptance.run_dir / "signoff-phase1.html").read_text()
    assert all(name in signoff for name in expected)
    for shown in (signoff, result.stdout.str(), (folder / "h.html").read_text(), (folder / "j.xml").read_text()):
        assert "WAIVED" in shown
    assert final["P1-TPS-SKIPPED"]["reason"].endswith("test_skipped was skipped: no time today")
