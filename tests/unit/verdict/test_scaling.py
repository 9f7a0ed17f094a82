"""Efficiency, the scalability law, and paired comparison of builds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.efficiency import efficiency, efficiency_interval
from pytest_rawrxd.verdict.means import ratio_interval
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.pairs import compare, interleaved
from pytest_rawrxd.verdict.scalability import scalability

ONE = np.array([79.5, 80.1, 80.4, 79.9, 80.2])
RANDOM_ORDER = list("ABBAABABBABAABBAABBA")


def test_the_ratio_is_welch_on_logarithms() -> None:
    many, one = np.array([820.0, 815, 826, 818, 822]), ONE
    low = stats.ttest_ind(np.log(many), np.log(one), equal_var=False).confidence_interval(0.90)

    found = ratio_interval(many, one)

    assert found.lower == pytest.approx(np.exp(low.low))
    assert found.upper == pytest.approx(np.exp(low.high))


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.80, Verdict.PASS), (0.75, Verdict.INCONCLUSIVE), (0.70, Verdict.FAIL)]
)
def test_efficiency_is_decided_by_its_bound(share: float, verdict: Verdict) -> None:
    many = 12 * share * ONE * np.array([1.002, 0.998, 1.001, 1.0, 0.999])

    found = efficiency(many, ONE, streams=12)

    assert found.verdict is verdict
    assert found.estimate == pytest.approx(100 * share, rel=0.005)
    assert "tok/s against" in found.reason


def test_efficiency_needs_five_quiet_runs_on_both_sides() -> None:
    assert efficiency(ONE[:4] * 10, ONE, streams=12).verdict is Verdict.INVALID
    noisy = ONE * np.array([1.0, 1.2, 0.8, 1.1, 0.9])
    assert efficiency(noisy * 10, ONE, streams=12).verdict is Verdict.INCONCLUSIVE
    with pytest.raises(EvidenceProblem, match="needs streams"):
        efficiency_interval(ONE, ONE, streams=0)


def test_the_law_gives_back_the_coefficients_it_was_made_from() -> None:
    count = np.array([1, 2, 4, 8, 12, 16])
    made = 80 * count / (1 + 0.02 * (count - 1) + 0.001 * count * (count - 1))

    law = scalability(count, made)

    assert (law.rate, law.contention, law.coherency) == pytest.approx((80, 0.02, 0.001))
    assert law.peak_streams == pytest.approx(np.sqrt(0.98 / 0.001))
    assert law.residual < 1e-9


def test_a_line_without_contention_has_no_peak_and_few_levels_no_law() -> None:
    assert scalability([1, 2, 4, 8], [80, 160, 320, 640]).peak_streams is None
    with pytest.raises(EvidenceProblem, match="four levels"):
        scalability([1, 2, 4], [80, 150, 280])


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(1.0, Verdict.PASS), (0.98, Verdict.PASS), (0.97, Verdict.INCONCLUSIVE), (0.95, Verdict.FAIL)],
)
def test_a_candidate_may_be_three_per_cent_worse(ratio: float, verdict: Verdict) -> None:
    baseline = np.resize(ONE, 10)
    wobble = np.resize([1.001, 0.999, 1.0], 10)

    assert compare(baseline, baseline * ratio * wobble, order=RANDOM_ORDER).verdict is verdict


def test_for_latencies_less_is_better() -> None:
    baseline = np.resize(ONE, 10)
    wobble = np.resize([1.001, 0.999, 1.0], 10)

    assert compare(baseline, baseline * 1.05 * wobble, higher_is_better=False).verdict is Verdict.FAIL
    assert compare(baseline, baseline * 0.90 * wobble, higher_is_better=False).verdict is Verdict.PASS


def test_sequential_runs_are_invalid() -> None:
    baseline = np.resize(ONE, 10)

    assert compare(baseline, baseline * 1.01, order=list("A" * 10 + "B" * 10)).verdict is Verdict.INVALID
    assert not interleaved(list("ABABABABAB"))
    assert not interleaved(list("AABB"))
    assert interleaved(RANDOM_ORDER)


def test_another_identity_decides_nothing() -> None:
    baseline = np.resize(ONE, 10)

    found = compare(baseline, baseline * np.resize([0.8, 0.81], 10), same_identity=False)

    assert found.verdict is Verdict.INCONCLUSIVE
    assert "another identity" in found.reason


def test_nine_pairs_are_too_few() -> None:
    assert compare(ONE[:4], ONE[:4]).verdict is Verdict.INVALID


def test_a_regression_at_the_margin_is_accepted_at_most_as_often_as_alpha() -> None:
    random = np.random.default_rng(12)
    campaigns = 60
    accepted = 0
    for _ in range(campaigns):
        weather = random.normal(80, 3, 10)  # what both runs of a pair share
        first = weather * random.normal(1, 0.01, 10)
        second = weather * 0.97 * random.normal(1, 0.01, 10)
        accepted += compare(first, second).verdict is Verdict.PASS

    assert stats.binomtest(accepted, campaigns, 0.05, alternative="greater").pvalue > 0.01
