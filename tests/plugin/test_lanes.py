"""Two lanes of a profile with two GPUs: a verdict on each card, and none on the cards together."""

import csv
import itertools
import json
import xml.etree.ElementTree as ET

import jsonschema
import pytest
from fakes.two_cards import UUIDS, conftest

from pytest_rawrxd.cli import main
from pytest_rawrxd.report.schema import schema
from pytest_rawrxd.verdict.unfinished import TEST

TWO_GPUS = """
[hardware]
gpus = 2

[protocol.phase1.matrix]
Q2_K = ["64x3", "128x2"]

[protocol.phase2]
requests = 72
processes = 3
level_runs = 5
level_duration = "2 s"

[criteria.P2-AGG]
at_least = "700 tok/s"

[criteria.P2-LAT-P95]
at_most = "18 ms"

[criteria.P2-HOST-AGG]
title = "Both cards together"
source = "a test of the instrument"
kind = "floor"
metric = "host_tps"
where = { streams = 12 }
at_least = "1000 tok/s"

[criteria.P1-TPS-small]
title = "A promise about a variant that is not the production one"
source = "a test of the instrument"
kind = "range"
metric = "decode_tps"
where = { variant = "Q2_K", tokens = 128 }
at_least = "2 tok/s"
"""


@pytest.fixture
def two_cards(acceptance):
    """A folder of acceptance tests on a machine with two scripted cards."""
    acceptance.write_profile(TWO_GPUS)
    (acceptance.pytester.path / "acceptance" / "conftest.py").write_text(conftest())
    return acceptance


def run(two_cards, *arguments, engine="scripted-cards:steady,steady"):
    return two_cards.run(*arguments, engine=engine)


def on_cards(entry):
    return {card["device"]: card["verdict"] for card in entry["cards"]}


#: The second card is held up until the test of the whole host has been reached: it has to wait for the card.
EVERY_SCOPE = """
import time
from pathlib import Path

import pytest


@pytest.mark.phase2
@pytest.mark.sla("P2-AGG")
def test_throughput(load, sla):
    assert load(streams=12).throughput >= sla["P2-AGG"]


@pytest.mark.phase2
@pytest.mark.sla("P2-LAT-P95")
def test_p95(load, sla):
    assert load(streams=12).inter_token.p95 <= sla["P2-LAT-P95"]


@pytest.mark.phase2
@pytest.mark.sla("P2-HOST-AGG")
def test_host(load, sla):
    assert load(streams=12).host_throughput >= sla["P2-HOST-AGG"]


@pytest.mark.phase1
@pytest.mark.sla("P1-MATRIX")
def test_matrix(ladder, sla):
    assert ladder.variants_measured >= sla["P1-MATRIX"]


@pytest.mark.phase1
@pytest.mark.parametrize("variant", [pytest.param("Q2_K", marks=pytest.mark.sla("P1-TPS-small"))])
def test_small(variant, bench, gpu, request):
    ends = time.monotonic() + 60
    while not Path(__file__).with_name("host-has-come").exists():
        assert time.monotonic() < ends, "the test of the whole host never came"
        time.sleep(0.02)
    decode, sla = (request.getfixturevalue(name) for name in ("decode", "sla"))
    assert gpu.uuid == "GPU-b"
    assert decode(variant=variant, tokens=128).throughput >= sla["P1-TPS-small"]


@pytest.mark.phase1
@pytest.mark.sla("P1-PEAK")
def test_peak(ladder, sla):
    assert ladder.peak_determined == sla["P1-PEAK"]
"""


def test_each_card_has_its_verdict_and_the_better_one_passes_nothing_for_the_worse(two_cards):
    two_cards.write_test(EVERY_SCOPE)

    result = run(two_cards, "-n", "2", "--junitxml=j.xml", engine="scripted-cards:steady,slow")

    assert result.ret == 1
    found = json.loads((two_cards.run_dir / "verdicts.json").read_text())
    jsonschema.Draft202012Validator(schema()).validate(found)
    assert found["state"]["2"]["state"] == "REJECTED"
    verdicts = two_cards.verdicts()

    # What production runs has to hold on each card; nothing is pooled.
    throughput = verdicts["P2-AGG"]
    assert throughput["verdict"] == "FAIL"
    assert on_cards(throughput) == {"GPU-a": "PASS", "GPU-b": "FAIL"}
    assert throughput["reason"].startswith("gpu1 (a scripted card, GPU-b): mean of 8 runs")
    assert throughput["estimate"] == pytest.approx(475, abs=10)
    assert on_cards(verdicts["P2-LAT-P95"]) == {"GPU-a": "PASS", "GPU-b": "FAIL"}

    # What they deliver at once is a promise of its own, and takes nothing back of what one of them breaks.
    host = verdicts["P2-HOST-AGG"]
    assert (host["verdict"], host["n"]) == ("PASS", 5)
    assert host["estimate"] == pytest.approx(756 + 475, abs=20)
    assert "2 cards at once: gpu0 75" in host["reason"]

    # Variants are compared on one card, the other cells are spread, and what looks at all of them has waited.
    assert on_cards(verdicts["P1-PEAK"]) == {"GPU-a": "PASS"}
    assert on_cards(verdicts["P1-TPS-small"]) == {"GPU-b": "PASS"}
    assert verdicts["P1-MATRIX"]["verdict"] == "PASS"
    assert "cards" not in verdicts["P1-MATRIX"]
    cells = {}
    for record in two_cards.records("decode.run"):
        cells.setdefault(record["data"]["device"], set()).add((record["data"]["variant"], record["data"]["tokens"]))
    variants = ("Q2_K", "Q4_K", "Q5_K_M", "Q6_K", "Q8_0", "Hybrid")
    assert cells == {"GPU-a": {(name, 64) for name in variants}, "GPU-b": {("Q2_K", 128), ("Q4_K", 128)}}

    held = {(record["worker"], record["data"]["device"]) for record in two_cards.records("device.held")}
    assert held == {("gw0", "GPU-a"), ("gw1", "GPU-b")}

    # Every format says which card: the test's name, JUnit's properties, the page, the terminal.
    junit = ET.parse(two_cards.pytester.path / "j.xml")  # noqa: S314 - written by pytest just now
    cases = {case.get("name"): case for case in junit.getroot().iter("testcase")}
    assert set(cases) == {
        *(f"test_{name}[{card}]" for name in ("throughput", "p95", "host") for card in ("gpu0", "gpu1")),
        "test_matrix[host]",
        "test_small[gpu1-Q2_K]",
        "test_peak[gpu0]",
    }
    failed = {name for name, case in cases.items() if case.find("failure") is not None}
    assert failed == {"test_throughput[gpu1]", "test_p95[gpu1]"}
    assert "on gpu1 (GPU-b) FAIL 47" in cases["test_throughput[gpu1]"].find("failure").text
    page = (two_cards.run_dir / "signoff-phase2.html").read_text()
    assert all(f"<code>{device}</code>" in page for device in UUIDS)
    result.stdout.re_match_lines([r" +gpu0 .*PASS", r" +gpu1 +47\d tok/s .*FAIL"])

    # No page mixes the cards, and every one is what the evidence alone gives.
    tables = [(two_cards.run_dir / folder / "concurrency_load_test.csv").read_text() for folder in ("", "gpu1")]
    rows = [row for table in tables for row in csv.DictReader(table.splitlines())]
    assert [float(row["TPS"]) for row in rows if row["Streams"] == "12"] == pytest.approx([756, 475], abs=10)
    of_the_other = (two_cards.run_dir / "gpu1" / "concurrency_load_test.html").read_text()
    assert "<code>GPU-b</code>" in of_the_other
    assert 'href="../evidence.html#' in of_the_other
    assert main(["judge", str(two_cards.run_dir)]) == 1
    assert json.loads((two_cards.run_dir / "verdicts.json").read_text()) == found


TWO_TESTS = """
import os

import pytest

pytestmark = pytest.mark.phase1


@pytest.mark.sla("SLA-TPS-GUARANTEE")
def test_one(decode, gpu, sla):
    assert decode(variant="Q4_K").throughput >= sla["SLA-TPS-GUARANTEE"]


@pytest.mark.sla("P1-LAT-death")
def test_two(decode, gpu, sla):
    if gpu.uuid == "GPU-b":
        os._exit(9)
    assert decode(variant="Q4_K").time_per_token <= sla["P1-LAT-death"]


@pytest.mark.sla("P1-LAT-after")
def test_three(decode, gpu, sla):
    assert decode(variant="Q4_K").time_per_token <= sla["P1-LAT-after"]
"""
DEATH = "".join(
    f"""
[criteria.P1-LAT-{name}]
title = "A promise about the production variant"
source = "a test of the instrument"
kind = "range"
metric = "time_per_token"
where = {{ variant = "Q4_K", tokens = 64 }}
at_most = "30 ms"
"""
    for name in ("death", "after")
)


def test_a_lane_that_dies_loses_its_own_test_and_another_worker_takes_its_card(two_cards):
    two_cards.write_profile(TWO_GPUS + DEATH)
    two_cards.write_test(TWO_TESTS)

    result = run(two_cards, "-n", "2", "--junitxml=j.xml", "--alluredir=a")

    assert result.ret == 1
    verdicts = two_cards.verdicts()
    assert on_cards(verdicts["P1-LAT-death"]) == {"GPU-a": "PASS", "GPU-b": "INVALID"}
    assert verdicts["P1-LAT-death"]["verdict"] == "INVALID"
    assert "did not finish: its process died while it ran" in verdicts["P1-LAT-death"]["reason"]
    for name in ("SLA-TPS-GUARANTEE", "P1-LAT-after"):
        assert on_cards(verdicts[name]) == {"GPU-a": "PASS", "GPU-b": "PASS"}, "what was measured before counts"
    workers = {record["worker"]: record["data"]["device"] for record in two_cards.records(TEST)}
    assert workers == {"gw0": "GPU-a", "gw1": "GPU-b", "gw2": "GPU-b"}

    junit = ET.parse(two_cards.pytester.path / "j.xml")  # noqa: S314 - written by pytest just now
    cases = {case.get("name"): case for case in junit.getroot().iter("testcase")}
    assert set(cases) == {f"test_{n}[gpu{lane}]" for n in ("one", "two", "three") for lane in (0, 1)}
    assert {name for name, case in cases.items() if case.find("failure") is not None} == {"test_two[gpu1]"}
    told = [json.loads(path.read_text()) for path in (two_cards.pytester.path / "a").glob("*-result.json")]
    assert [each["status"] for each in told if "test_two[gpu1]" in each["name"]] == ["broken"]


def test_two_lanes_take_turns_on_a_card_that_is_listed_twice_and_it_is_never_two_cards(two_cards):
    """The one way in which two lanes could meet on a card: of real GPUs it is refused, here it is tried."""
    (two_cards.pytester.path / "acceptance" / "conftest.py").write_text(conftest(("GPU-a", "GPU-a")))

    result = run(two_cards, "-n", "2")

    held = two_cards.records("device.held")
    assert {(record["worker"], record["data"]["device"]) for record in held} == {("gw0", "GPU-a"), ("gw1", "GPU-a")}
    for one, other in itertools.combinations(held, 2):
        (began, ended), (next_began, next_ended) = one["data"]["held_ns"], other["data"]["held_ns"]
        assert ended <= next_began or next_ended <= began, "two lanes held one card at once"
    entry = two_cards.verdicts()["SLA-TPS-GUARANTEE"]
    assert (result.ret, entry["verdict"]) == (1, "NOT MEASURED")
    assert entry["reason"].startswith("1 of 2 cards was measured, one is listed twice: gpu0")


def test_a_session_without_lanes_measures_the_first_card_and_passes_nothing_for_the_second(two_cards):
    result = two_cards.run("-rs", engine="scripted-cards:steady")

    assert result.ret == 1
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*gpu1 (a scripted card, GPU-b): no lane of this session measures it; -n 2 does"])
    entry = two_cards.verdicts()["SLA-TPS-GUARANTEE"]
    assert entry["verdict"] == "NOT MEASURED"
    assert on_cards(entry) == {"GPU-a": "PASS", "GPU-b": "NOT MEASURED"}
    assert entry["next"] == "one lane for each card: pytest acceptance/ -n 2"


def test_three_workers_on_two_gpus_are_refused(two_cards):
    result = two_cards.run("-n", "3")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*more workers than GPU lanes*", "*found: 3 workers*", "*possible: at most 2:*"])


def test_lanes_on_fewer_cards_than_the_profile_names_are_refused(two_cards):
    (two_cards.pytester.path / "acceptance" / "conftest.py").write_text(conftest(("GPU-a",)))

    result = two_cards.run("-n", "2", engine="scripted-cards:steady,steady")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*several lanes need a GPU and an engine of their own each*", "*1 GPUs that it can*"])
    assert not (two_cards.run_dir / "ledger").exists()
