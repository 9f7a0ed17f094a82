"""The floor rule: mean with lower t bound, and no run below the limit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.floor import floor
from pytest_rawrxd.verdict.outcome import Verdict

STEADY = [80.1, 79.8, 80.3, 79.9, 80.0, 80.2, 79.7]


def test_runs_above_the_guarantee_pass_with_a_lower_t_bound() -> None:
    found = floor(STEADY, limit=75.0)

    low, _ = stats.t.interval(0.90, 6, np.mean(STEADY), stats.sem(STEADY))
    assert found.verdict is Verdict.PASS
    assert found.lower == pytest.approx(low)
    assert found.acceptance_limit == pytest.approx(75.123375)
    assert found.next is None


def test_runs_below_the_guarantee_fail() -> None:
    assert floor([value - 6 for value in STEADY], limit=75.0).verdict is Verdict.FAIL


def test_one_run_below_the_limit_takes_the_pass_away() -> None:
    values = [76.0, 76.1, 76.2, 76.0, 76.1, 76.2, 74.99]

    found = floor(values, limit=75.0)
    alone = floor(values, limit=74.9)

    assert alone.verdict is Verdict.PASS
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.next is not None
    assert "run 7" in found.next


def test_the_lower_bound_decides_and_not_the_mean() -> None:
    values = [75.2, 76.8, 75.1, 76.9, 75.2]

    found = floor(values, limit=75.0)

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.estimate is not None
    assert found.estimate > 75.4
    assert found.next is not None
    assert "more runs" in found.next


def test_the_named_number_of_further_runs_decides_at_the_same_spread() -> None:
    values = np.array([75.2, 76.8, 75.1, 76.9, 75.2])
    found = floor(values, limit=75.0)
    more = int(str(found.next).split()[1])
    mean, deviation, runs = values.mean(), values.std(ddof=1), values.size + more
    alike = np.resize([-1.0, 1.0], runs)
    alike = mean + deviation * (alike - alike.mean()) / alike.std(ddof=1)

    assert floor(alike, limit=75.0).verdict is Verdict.PASS


def test_a_mean_between_limit_and_acceptance_is_never_decided() -> None:
    found = floor([75.05, 75.07, 75.06, 75.05, 75.07], limit=75.0)

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.next is not None
    assert "no number of runs" in found.next


@pytest.mark.parametrize(
    ("runs", "verdict"), [(0, Verdict.INVALID), (4, Verdict.INVALID), (5, Verdict.PASS), (7, Verdict.PASS)]
)
def test_fewer_than_five_runs_are_not_judged(runs: int, verdict: Verdict) -> None:
    assert floor(STEADY[:runs], limit=75.0).verdict is verdict


@pytest.mark.parametrize(("spread", "verdict"), [(0.049, Verdict.PASS), (0.051, Verdict.INCONCLUSIVE)])
def test_a_noisy_machine_decides_nothing(spread: float, verdict: Verdict) -> None:
    shape = np.array([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0])
    values = 100 * (1 + spread * shape / shape.std(ddof=1))

    found = floor(values, limit=75.0)

    assert found.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert "machine too noisy" in found.reason


def test_equal_raw_durations_are_invalid_and_equal_rates_alone_too() -> None:
    assert floor([80.0] * 7, limit=75.0).verdict is Verdict.INVALID
    assert floor(STEADY, limit=75.0, durations_ns=[6_400_000_000] * 7).verdict is Verdict.INVALID
    timed = [6_400_000_000 + run for run in range(7)]
    assert floor([80.0] * 7, limit=75.0, durations_ns=timed).verdict is Verdict.PASS


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -80.0, 0.0])
def test_an_impossible_rate_is_a_named_error(wrong: float) -> None:
    with pytest.raises(EvidenceProblem, match="runs hold"):
        floor([*STEADY, wrong], limit=75.0)


def test_a_floor_at_its_limit_is_wrongly_accepted_at_most_as_often_as_alpha() -> None:
    random = np.random.default_rng(75)
    campaigns = 60
    accepted = sum(floor(random.normal(75.0, 0.75, 7), limit=75.0).verdict is Verdict.PASS for _ in range(campaigns))

    assert stats.binomtest(accepted, campaigns, 0.05, alternative="greater").pvalue > 0.01
