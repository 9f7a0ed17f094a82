"""Loss clustered by injection, and recovery times."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.loss import loss
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.recovery import recovery

KINDS = ["crash", "timeout", "out of memory", "device unavailable"] * 3


def in_seconds(times: npt.ArrayLike, kinds: list[str]) -> Finding:
    return recovery(times, kinds, limit=120.0, unit="s")


def test_the_same_loss_in_one_injection_weighs_less_than_spread_over_all() -> None:
    sent, hit = [100] * 12, [6] * 12
    spread = loss([2] * 12, sent, exposed=hit)
    clustered = loss([24] + [0] * 11, sent, exposed=hit)

    assert spread.estimate == clustered.estimate
    assert spread.verdict is Verdict.PASS
    assert clustered.verdict is Verdict.INCONCLUSIVE
    assert "more injections" in str(clustered.next)


def test_no_loss_is_worth_requests_over_exposed_ones() -> None:
    found = loss([0] * 10, [60] * 10, exposed=[10] * 10)

    assert found.n_eff == pytest.approx(60)
    assert found.upper == pytest.approx(100 * (1 - 0.05 ** (1 / 60)))
    assert found.verdict is Verdict.PASS


def test_a_loss_beyond_the_limit_fails_and_prints_what_retry_saved() -> None:
    found = loss([12] * 12, [60] * 12, exposed=[12] * 12, raw_lost=[30] * 12)

    assert found.verdict is Verdict.FAIL
    assert "without retry 50 %" in found.reason


@pytest.mark.parametrize(
    ("injections", "requests", "verdict"),
    [(9, 100, Verdict.INVALID), (10, 49, Verdict.INVALID), (10, 100, Verdict.PASS)],
)
def test_few_injections_or_requests_are_invalid(injections: int, requests: int, verdict: Verdict) -> None:
    found = loss([0] * injections, [requests] * injections, exposed=[5] * injections)

    assert found.verdict is verdict


def test_a_fault_that_hits_nobody_is_invalid() -> None:
    found = loss([0] * 10, [60] * 10, exposed=[0] * 10)

    assert found.verdict is Verdict.INVALID
    assert "fault without effect" in found.reason


def test_a_loss_at_its_limit_is_rarely_accepted() -> None:
    random = np.random.default_rng(11)
    campaigns, accepted = 60, 0
    for _ in range(campaigns):
        gone = np.minimum(random.poisson(0.5, 12) * 12, 120)  # whole batches are lost together: 6 of 120 in the mean
        accepted += loss(gone, [120] * 12, exposed=[12] * 12).verdict is Verdict.PASS

    assert stats.binomtest(accepted, campaigns, 0.05, alternative="greater").pvalue > 0.01


def test_recoveries_within_two_minutes_pass() -> None:
    found = in_seconds(np.linspace(20, 60, 12), KINDS)

    assert found.verdict is Verdict.PASS
    assert "4 kinds" in found.method


@pytest.mark.parametrize(("longest", "verdict"), [(239.0, Verdict.PASS), (240.0, Verdict.FAIL), (300.0, Verdict.FAIL)])
def test_one_recovery_of_four_minutes_breaks_the_promise(longest: float, verdict: Verdict) -> None:
    assert in_seconds([20.0] * 11 + [longest], KINDS).verdict is verdict


def test_a_mean_above_the_limit_fails_and_one_around_it_is_open() -> None:
    assert in_seconds(np.linspace(140, 180, 12), KINDS).verdict is Verdict.FAIL
    around = in_seconds(np.linspace(60, 170, 12), KINDS)
    assert around.verdict is Verdict.INCONCLUSIVE
    assert "more injections" in str(around.next)


def test_seconds_are_told_in_seconds_though_the_bound_is_in_minutes() -> None:
    judged = recovery([0.05, 0.06, 0.07] * 4, ["a", "b", "c"] * 4)

    assert judged.reason.startswith("mean recovery 3.6 s [")
    assert "longest 4.2 s (c); required < 2 min in the mean and < 4 min each" in judged.reason
    assert (judged.estimate, judged.acceptance_limit) == (pytest.approx(0.06), 2.0)


@pytest.mark.parametrize(("count", "kinds"), [(9, 3), (10, 2)])
def test_few_injections_or_kinds_are_invalid(count: int, kinds: int) -> None:
    names = [f"fault {at % kinds}" for at in range(count)]

    assert in_seconds([30.0 + at for at in range(count)], names).verdict is Verdict.INVALID


def test_impossible_counts_and_times_are_named_errors() -> None:
    with pytest.raises(EvidenceProblem, match="more exceedances"):
        loss([101] + [0] * 9, [100] * 10, exposed=[1] * 10)
    with pytest.raises(EvidenceProblem, match="negative"):
        in_seconds([-1.0] * 12, KINDS)
