"""Tolerance limits of a pilot hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.verdict.tolerance import (
    extreme_ceiling,
    one_sided_factor,
    outward,
    tolerance_band,
    tolerance_ceiling,
    tolerance_floor,
    two_sided_factor,
)


@pytest.mark.parametrize(
    ("n", "one", "two"), [(5, 4.203, 5.077), (7, 3.399, 4.007), (10, 2.911, 3.379), (30, 2.220, 2.549)]
)
def test_factors_are_those_of_the_tables(n: int, one: float, two: float) -> None:
    assert one_sided_factor(n) == pytest.approx(one, abs=6e-4)
    assert two_sided_factor(n) == pytest.approx(two, rel=5e-3)


def test_the_limits_cover_as_often_as_they_say() -> None:
    """2,000 pilots of 7 runs: 95 % of the floors have 95 % of all runs above them, by a binomial interval."""
    pilots = np.random.default_rng(5).normal(80, 0.8, (2000, 7))
    floors = pilots.mean(axis=1) - one_sided_factor(7) * pilots.std(axis=1, ddof=1)
    kept = int((stats.norm.sf(floors, 80, 0.8) >= 0.95).sum())

    assert stats.binomtest(kept, 2000, 0.95).pvalue > 0.001


def test_a_quiet_pilot_gets_the_margin_and_a_noisy_one_its_spread() -> None:
    quiet, noisy = [80.0, 80.01, 79.99, 80.0, 80.0], [78.0, 82.0, 79.0, 81.0, 80.0]

    assert tolerance_floor(quiet, margin=0.03, systematic=0.001) == pytest.approx(80 * 0.97 / 1.001645)
    assert tolerance_band(quiet, margin=0.03) == pytest.approx((77.6, 82.4))
    assert tolerance_floor(noisy, margin=0.03, systematic=0.0) < 77.6
    low, high = tolerance_band(noisy, margin=0.03)
    assert low == pytest.approx(80 - two_sided_factor(5) * np.std(noisy, ddof=1))
    assert high - 80 == pytest.approx(80 - low)


def test_a_ceiling_mirrors_the_floor() -> None:
    quiet, noisy = [80.0, 80.01, 79.99, 80.0, 80.0], [78.0, 82.0, 79.0, 81.0, 80.0]

    assert tolerance_ceiling(quiet, margin=0.03) == pytest.approx(80 * 1.03)
    assert tolerance_ceiling(noisy, margin=0.03) == pytest.approx(80 + one_sided_factor(5) * np.std(noisy, ddof=1))


def test_the_extremes_of_a_whole_acceptance_run_stay_below_their_ceiling() -> None:
    """1,000 pilots of 6 processes: 95 % of the ceilings hold the extremes of 8 more with a chance of 95 %."""
    pilots = np.random.default_rng(7).lognormal(3, 0.05, (1000, 6))
    ceilings = [extreme_ceiling(extremes, margin=0.0, runs=8) for extremes in pilots]
    kept = sum(stats.lognorm.cdf(ceiling, 0.05, scale=np.exp(3)) ** 8 >= 0.95 for ceiling in ceilings)

    assert stats.binomtest(int(kept), 1000, 0.95).pvalue > 0.001


@pytest.mark.parametrize(("largest", "bound"), [(24.0, True), (7184.0, False)])
def test_a_ceiling_beyond_twice_of_what_was_seen_is_refused_as_a_guess(largest: float, bound: bool) -> None:
    values = [20.0, 21.0, 22.0, 21.5, largest]

    for ceiling in (
        lambda: tolerance_ceiling(values, margin=0.03),
        lambda: extreme_ceiling(values, margin=0.03, runs=8),
    ):
        if bound:
            assert 24 < ceiling() <= 48
        else:
            with pytest.raises(EvidenceProblem, match="vary too much for a ceiling"):
                ceiling()


@pytest.mark.parametrize("values", [[1.0, 100.0], [80.0], [80.0, -1.0], [80.0, float("nan")]])
def test_a_pilot_that_gives_no_bound_says_so(values: list[float]) -> None:
    with pytest.raises(EvidenceProblem):
        tolerance_floor(values, margin=0.03, systematic=0.001)
    with pytest.raises(EvidenceProblem):
        tolerance_band(values, margin=0.03)


@pytest.mark.parametrize(
    ("value", "up", "rounded"),
    [
        (76.37921, False, 76.37),
        (76.37001, True, 76.38),
        (80.0, True, 80.0),
        (12345.6, False, 12340.0),
        (0.0123456, True, 0.01235),
    ],
)
def test_bounds_are_rounded_outward(value: float, up: bool, rounded: float) -> None:
    assert outward(value, up=up) == rounded


@pytest.mark.parametrize(("spread", "holds"), [(0.2, True), (0.8, True), (2.5, False)])
def test_a_proven_79_97_supports_a_guarantee_of_75_and_none_of_80(spread: float, holds: bool) -> None:
    """The roadmap's own example, with its margins: seven processes that scatter by less than 1.6 %."""
    gates = load_profile("rx7800xt").gates
    rates = 79.97 + np.linspace(-1, 1, 7) * spread
    floor = tolerance_floor(
        rates, margin=gates.compare_margin.to("ratio"), systematic=gates.systematic_error.to("ratio")
    )

    assert (floor >= 75) is holds
    assert floor < 79.97 * 0.97
