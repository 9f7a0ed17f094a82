"""The drill's verdict: in time, silent with nothing wrong, and never from a fault that did nothing."""

import pytest

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.verdict.alert_budget import budgets, speed, telling
from pytest_rawrxd.verdict.answers.alerts_early import alerts_early
from pytest_rawrxd.verdict.answers.output_written import output_written
from pytest_rawrxd.verdict.outcome import Verdict

PROFILE = load_profile("rx7800xt")


def seen(*speeds):
    """An effect that was looked at every 100 s: what the probe saw, in tok/s."""
    return {
        "looks": [{"after_s": 100.0 * (1 + place), "tokens_per_second": speed} for place, speed in enumerate(speeds)]
    }


EFFECTS = {
    "none": seen(80.0, 80.0, 80.0),
    "degrade": seen(79.5, 76.0, 76.0) | {"healthy_tokens_per_second": 80.0},
    "freeze": {"answered": False},
    "kill": {"answered": False},
}
SCORE = {"killed": 488, "equivalent": [], "unnoticed": []}
CALLS = {
    "degrade": [("RawrxdSlaTpsGuaranteeEarly", "SLA-TPS-GUARANTEE", 200.0)],
    "freeze": [("RawrxdSlaMttrEarly", "SLA-MTTR", 60.0)],
    "kill": [("RawrxdSlaMttrEarly", "SLA-MTTR", 55.0)],
}


@pytest.fixture
def judged(book):
    def judge(*, calls=None, effects=None, failed=None, without=(), rules=True, mutants=SCORE):
        run = book
        if rules:
            run.record("monitoring.rules", alerts=34, cases=158, failed=failed, mutants=mutants)
        for fault, effect in {**EFFECTS, **(effects or {})}.items():
            if fault in without:
                continue
            heard = {**CALLS, **(calls or {})}.get(fault, [])
            run.record(
                "monitoring.drill",
                fault=fault,
                began_ns=1_000_000_000,
                ended_ns=601_000_000_000,
                effect=effect,
                server="b1",
                alerts=[
                    {"name": n, "criterion": c, "severity": "critical", "received_ns": round(1e9 + s * 1e9)}
                    for n, c, s in heard
                ],
            )
        return alerts_early(Evidence.read(run.path), PROFILE.criteria["P2-ALERTS"])[0]

    return judge


def test_the_budget_is_the_least_that_the_sla_forgives():
    assert budgets(PROFILE) == {"down": 120.0, "slow": pytest.approx(0.01 * 720 * 3600)}
    assert telling(PROFILE, "down") == {"SLA-MTTR", "SLA-AVAIL"}
    asked = speed(PROFILE)
    assert (asked.bound, asked.early) == (pytest.approx(1 / 0.013), pytest.approx(1 / 0.013 / 0.97))


def test_calls_in_time_and_a_silent_control_are_a_pass_with_every_time_in_the_sentence(judged):
    found = judged()

    assert found.verdict is Verdict.PASS
    assert "freeze: RawrxdSlaMttrEarly after 60.0 of 120 s" in found.reason
    assert "silent for 600 s with nothing wrong" in found.reason
    assert "34 alerts proven in 158 cases, which notice all of 488 wrong rules" in found.reason


@pytest.mark.parametrize(("seconds", "verdict"), [(119.9, "PASS"), (120.0, "FAIL"), (120.1, "FAIL")])
def test_a_call_counts_before_the_budget_is_spent(judged, seconds, verdict):
    assert judged(calls={"kill": [("RawrxdSlaMttrEarly", "SLA-MTTR", seconds)]}).verdict == verdict


def test_an_alert_in_the_control_is_a_failure(judged):
    found = judged(calls={"none": [("RawrxdBlind", "P2-ALERTS", 3.0)]})
    assert found.verdict is Verdict.FAIL
    assert "RawrxdBlind fired though nothing was wrong" in found.reason


def test_an_alert_about_something_else_is_no_call(judged):
    found = judged(calls={"freeze": [("RawrxdBlind", "P2-ALERTS", 3.0)]})
    assert found.verdict is Verdict.FAIL
    assert "freeze: no alert told of it in 600.0 s (others: RawrxdBlind)" in found.reason


@pytest.mark.parametrize(
    ("fault", "effect"),
    [
        ("freeze", {"answered": True}),
        ("kill", {"answered": True}),
        ("kill", {}),
        ("degrade", seen(79.5, 79.4)),
        ("degrade", {}),
        ("none", seen(None, None)),
        ("none", {}),
        ("none", seen(80.0, 79.0, 80.0)),
    ],
)
def test_a_fault_without_effect_proves_nothing(judged, fault, effect):
    assert judged(effects={fault: effect}).verdict is Verdict.INVALID


def test_a_server_that_was_slow_by_itself_is_no_false_alarm_and_no_control(judged):
    slow = judged(effects={"none": seen(80.0, 70.0)}, calls={"none": [("Early", "SLA-TPS-GUARANTEE", 300.0)]})
    assert slow.verdict is Verdict.INVALID
    assert "70 tok/s with nothing done to the server" in slow.reason


def test_another_alert_in_a_control_that_was_slow_by_itself_is_a_false_alarm_all_the_same(judged):
    found = judged(effects={"none": seen(80.0, 70.0)}, calls={"none": [("RawrxdBlind", "P2-ALERTS", 300.0)]})
    assert found.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("speeds", "verdict"),
    [
        ((76.0, 76.0, 76.0, 76.0, 76.0), "FAIL"),
        ((79.5, 79.5, 76.0, 76.0, 76.0), "FAIL"),
        ((76.0, 76.0, 76.0, 76.0, 79.5), "INVALID"),
        ((79.5, 79.5, 79.5, 79.5, 76.0), "INVALID"),
        ((76.0, 76.0, 76.0, 76.0, None), "INVALID"),
    ],
)
def test_silence_about_a_slow_server_counts_where_it_was_slow_for_as_long_as_an_alert_may_take(judged, speeds, verdict):
    """Until 600 s, and an alert takes 210 s at most: slow from 300 s on is long enough, from 500 s on is not."""
    found = judged(effects={"degrade": seen(*speeds)}, calls={"degrade": []})

    assert found.verdict == verdict
    assert "degrade: " in found.reason


def test_rules_that_fail_their_own_tests_are_a_failure(judged):
    assert judged(failed="RawrxdSlaVramEarly").verdict is Verdict.FAIL


def test_a_wrong_rule_that_the_tests_of_the_rules_do_not_notice_is_a_failure(judged):
    found = judged(mutants={**SCORE, "unnoticed": [["RawrxdSlaVramEarly", "for 2m x 0"]]})

    assert found.verdict is Verdict.FAIL
    assert found.reason == "a wrong rule that its tests do not notice: RawrxdSlaVramEarly, for 2m x 0"


@pytest.mark.parametrize("mutants", [{}, {**SCORE, "killed": 0}])
def test_tests_of_the_rules_that_were_never_tried_with_a_wrong_one_prove_nothing(judged, mutants):
    found = judged(mutants=mutants)

    assert found.verdict is Verdict.NOT_MEASURED
    assert "the proof of the rules" in found.reason


@pytest.mark.parametrize("fault", ["none", "degrade", "freeze", "kill"])
def test_a_drill_without_one_fault_is_not_measured(judged, fault):
    found = judged(without=(fault,))
    assert found.verdict is Verdict.NOT_MEASURED
    assert fault in found.reason


def test_a_drill_whose_rules_were_not_proven_is_not_measured(judged):
    assert judged(rules=False).verdict is Verdict.NOT_MEASURED


def test_where_prometheus_is_not_installed_the_verdict_says_how_to_install_it(book):
    run = book
    run.record("monitoring.missing", why="Prometheus is not installed: no amtool on PATH", possible="apt-get install x")

    found, _ = alerts_early(Evidence.read(run.path), PROFILE.criteria["P2-ALERTS"])

    assert found.verdict is Verdict.NOT_MEASURED
    assert "not installed" in found.reason
    assert found.next == "apt-get install x"
    document, _ = output_written(Evidence.read(run.path), PROFILE.criteria["P2-REPORT-MONITORING"])
    assert document.verdict is Verdict.NOT_MEASURED
    assert "the drill has no control; the drill has no degrade" in document.reason


def test_a_drill_that_is_repeated_replaces_none(judged):
    judged(calls={"kill": [("RawrxdSlaMttrEarly", "SLA-MTTR", 130.0)]})

    found = judged()

    assert found.verdict is Verdict.FAIL
    assert "kill: RawrxdSlaMttrEarly after 130.0 s, budget 120 s" in found.reason


def test_a_fault_that_took_effect_the_second_time_decides(judged):
    judged(effects={"freeze": {"answered": True}})

    assert judged().verdict is Verdict.PASS
