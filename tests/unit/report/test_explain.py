"""The sentences of a verdict, word for word."""

from __future__ import annotations

import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.report.explain import explain
from pytest_rawrxd.report.judged import Judged

SHARE = {"quantity": "share of gaps above 50 ms", "unit": "%", "limit": 5.0, "acceptance_limit": 4.0}


@pytest.fixture
def said(sample):
    """Explains the P95 criterion of the roadmap, changed as given."""
    return lambda **given: explain(Judged.from_record(sample.p95(**given)))


def test_a_miss_reads_as_the_architecture_shows(said):
    assert said() == [
        "P2-LAT-P95: p95 inter-token latency measured 61.2 ms [60.8, 61.9], required <= 50 ms",
        "missed by 11.2 ms (22.4 %); 3 runs, 30 blocks, n_eff 7,012, confidence 95 %",
        "bound from fixtures/profiles/rx7800xt.toml:31",
    ]


def test_an_open_verdict_names_what_decides_and_what_to_do(said):
    lines = said(
        estimate=48.0,
        lower=47.5,
        upper=48.6,
        verdict="INCONCLUSIVE",
        reason="the interval reaches over what sign-off allows",
        next="about 12 minutes more",
        deciding={**SHARE, "estimate": 4.2, "lower": 4.0, "upper": 4.4},
    )
    assert lines == [
        "P2-LAT-P95: p95 inter-token latency measured 48.0 ms [47.5, 48.6], required <= 50 ms",
        "INCONCLUSIVE: the interval reaches over what sign-off allows; n 412,300, n_eff 7,012, confidence 95 %",
        "decided by share of gaps above 50 ms 4.2 % [4.0, 4.4], sign-off allows 4 %",
        "next: about 12 minutes more",
        "bound from fixtures/profiles/rx7800xt.toml:31",
    ]


def test_a_kept_promise_says_how_much_room_is_left(said):
    lines = said(estimate=43.1, lower=41.9, upper=44.6, verdict="PASS")
    assert lines[1] == "kept with 6.9 ms (13.8 %) to spare; 3 runs, 30 blocks, n_eff 7,012, confidence 95 %"


def test_one_run_is_no_runs(said):
    lines = said(verdict="FAIL", deciding={**SHARE, "estimate": 9.0, "runs": 1, "blocks": 1200})
    assert "; 1 run, 1,200 blocks, n_eff 7,012" in lines[1]


def test_a_time_far_below_a_bound_in_minutes_reads_in_seconds(said):
    lines = said(
        verdict="PASS", title="mean recovery", unit="min", limit=2.0, estimate=0.0623, lower=0.052, upper=0.0731
    )
    assert lines[0].endswith("mean recovery measured 3.74 s [3.12, 4.39], required <= 2 min")
    assert lines[1].startswith("kept with 1.94 min (96.9 %) to spare")


def test_unusable_evidence_says_why_and_how_to_mend_it(said):
    none = {"estimate": None, "lower": None, "upper": None, "n": 0, "n_eff": None, "deciding": {}}
    lines = said(**none, verdict="INVALID", reason="9 time blocks, at least 10 are needed", next="measure 1 more block")
    assert lines == [
        "P2-LAT-P95: p95 inter-token latency, required <= 50 ms",
        "INVALID: 9 time blocks, at least 10 are needed",
        "fix: measure 1 more block",
        "bound from fixtures/profiles/rx7800xt.toml:31",
    ]


def test_a_missing_measurement_is_never_a_number(said):
    none = {"estimate": None, "lower": None, "upper": None, "n": None, "n_eff": None, "deciding": {}}
    assert said(**none, verdict="NOT MEASURED", reason="not selected by -m phase1")[:2] == [
        "P2-LAT-P95: p95 inter-token latency, required <= 50 ms",
        "NOT MEASURED: not selected by -m phase1",
    ]


def test_a_waiver_names_owner_ticket_expiry_and_measure(said):
    waiver = {
        "owner": "Technical Lead",
        "reason": "cold cache",
        "ticket": "RX-1",
        "expiry": "2026-02-28",
        "compensating_measure": "standby first",
    }
    assert said(verdict="WAIVED", waiver=waiver)[1:3] == [
        "WAIVED until 2026-02-28 by Technical Lead (RX-1): cold cache",
        "instead: standby first",
    ]


def test_an_informative_criterion_says_that_it_decides_nothing(said):
    assert said(informative=True)[0].endswith("required <= 50 ms (informative, decides nothing)")


def test_a_floor_broken_by_one_run_gives_the_reason_and_no_false_distance(sample):
    record = sample.criterion(
        "P1-FLOOR", kind="floor", direction=">=", limit=75, estimate=78.0, verdict="FAIL", reason="run 3 reached 74.1"
    )
    assert explain(Judged.from_record(record))[1] == "missed: run 3 reached 74.1"


def test_a_count_that_is_kept_has_no_distance(sample):
    record = sample.criterion(
        "P2-CRASH", kind="zero", unit="count", direction="==", limit=0, estimate=0, n=1, verdict="PASS"
    )
    assert explain(Judged.from_record(record))[:2] == [
        "P2-CRASH: P2-CRASH measured 0, required == 0",
        "kept; n 1, confidence 95 %",
    ]


def test_a_hostile_reason_cannot_steer_the_terminal(said):
    assert "\\u001b[31m" in said(verdict="INVALID", reason="\x1b[31m\u202e")[1]
    assert all(line.isprintable() for line in said(verdict="INVALID", reason="a\nb\x1b]0;x\x07\u2066"))


def test_a_record_that_cannot_be_read_names_the_criterion():
    with pytest.raises(EvidenceProblem, match="cannot be read") as caught:
        Judged.from_record({"id": "P1-X", "verdict": "MAYBE"})
    assert caught.value.where == "P1-X"
