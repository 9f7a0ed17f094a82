"""Korn-Graubard bounds of an exceedance share, with the effective number at the run's own quantile."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.decide import at_most, exceedance_acceptance
from pytest_rawrxd.verdict.exceedance import effective_number, factor_until, share_bounds, share_interval
from pytest_rawrxd.verdict.outcome import Interval, Verdict

RANK = {Verdict.PASS: 0, Verdict.INCONCLUSIVE: 1, Verdict.FAIL: 2}
BLOCK_COUNTS = st.lists(st.integers(0, 2000), min_size=10, max_size=30)
ALLOWED = st.sampled_from([0.5, 0.05, 0.01, 0.001])


def judge(over: list[int], own: list[int], allowed: float, *, size: int = 2000, steps: int = 5000) -> Verdict:
    found = share_interval(over, [size] * len(over), own_over=own, allowed=allowed, steps=steps)
    return at_most(found.lower, found.upper, limit=allowed, acceptance=exceedance_acceptance(allowed))


def test_the_formula_of_the_design_by_hand() -> None:
    over, total = np.array([40.0, 60.0, 50.0, 30.0]), np.array([1000.0, 1100.0, 900.0, 1000.0])
    share = 180 / 4000
    variance = 4 / 3 * ((over - share * total) ** 2).sum() / 4000**2
    expected = share * (1 - share) / variance * (stats.t.ppf(0.95, 3999) / stats.t.ppf(0.95, 3)) ** 2

    found = share_interval(over, total, own_over=over, allowed=0.045, steps=4000)

    assert effective_number(over, total) == pytest.approx(expected)
    assert found.n_eff == pytest.approx(expected)
    assert found.upper == pytest.approx(stats.beta.ppf(0.95, share * expected + 1, expected - share * expected))
    assert found.lower == pytest.approx(stats.beta.ppf(0.05, share * expected, expected - share * expected + 1))


def test_without_the_own_quantile_thirty_perfect_blocks_prove_nine_per_cent() -> None:
    assert share_bounds(0.0, 30)[1] == pytest.approx(0.095, abs=5e-4)


def test_with_the_own_quantile_a_perfect_run_passes() -> None:
    own = np.random.default_rng(1).binomial(57_600 // 60, 0.05, 30) * 60
    found = share_interval([0] * 30, [57_600] * 30, own_over=own, allowed=0.05, steps=144_000)

    assert found.n_eff == pytest.approx(57_600 * 30 / 60, rel=0.6)
    assert found.upper is not None
    assert found.upper < 0.001


def test_ties_without_own_exceedances_use_the_planning_design_effect() -> None:
    found = share_interval([0] * 30, [57_600] * 30, own_over=[0] * 30, allowed=0.05, steps=144_000)

    assert found.n_eff == 57_600 * 30 / 60


def test_the_effective_number_is_at_most_the_number_of_steps() -> None:
    assert share_interval([50] * 30, [1000] * 30, own_over=[50] * 30, allowed=0.05, steps=2500).n_eff == 2500


@given(own=BLOCK_COUNTS, at=st.integers(0, 9), allowed=ALLOWED)
def test_no_exceedance_is_never_judged_worse_than_one(own: list[int], at: int, allowed: float) -> None:
    none = [0] * len(own)
    one = [int(block == at) for block in range(len(own))]

    assert RANK[judge(none, own, allowed)] <= RANK[judge(one, own, allowed)]


@given(data=st.data(), own=st.integers(0, 200), allowed=ALLOWED, factor=st.integers(2, 40))
def test_scaling_all_exceedances_up_never_improves_a_verdict(
    data: st.DataObject, own: int, allowed: float, factor: int
) -> None:
    over = data.draw(st.lists(st.integers(0, 2000 // factor), min_size=10, max_size=30))
    owned = [own + (block % 3) for block in range(len(over))]

    before = judge(over, owned, allowed)
    after = judge([count * factor for count in over], owned, allowed)

    assert RANK[after] >= RANK[before]


@given(over=BLOCK_COUNTS, own=BLOCK_COUNTS, times=st.integers(2, 5), allowed=ALLOWED)
@settings(max_examples=50)
def test_more_data_at_the_same_rate_never_loosens_a_bound(
    over: list[int], own: list[int], times: int, allowed: float
) -> None:
    count = min(len(over), len(own))
    sizes = [2000] * count

    def bound(repeat: int) -> Interval:
        return share_interval(
            over[:count] * repeat,
            sizes * repeat,
            own_over=own[:count] * repeat,
            allowed=allowed,
            steps=5000 * repeat,
        )

    once, often = bound(1), bound(times)

    assert once.upper is not None
    assert once.lower is not None
    assert often.upper is not None
    assert often.lower is not None
    assert often.upper <= once.upper * (1 + 1e-9)
    assert often.lower >= once.lower * (1 - 1e-9)


def test_the_planned_factor_is_the_one_that_decides() -> None:
    passing = Interval(0.03, None, None, 1000, 200.0)
    failing = Interval(0.06, None, None, 1000, 200.0)

    enough = factor_until(passing, limit=0.05, acceptance=0.04)
    broken = factor_until(failing, limit=0.05, acceptance=0.04)

    assert enough is not None
    assert broken is not None
    assert share_bounds(0.03, 200 * enough)[1] == pytest.approx(0.04)
    assert share_bounds(0.06, 200 * broken)[0] == pytest.approx(0.05)
    assert factor_until(Interval(0.045, None, None, 1000, 200.0), limit=0.05, acceptance=0.04) is None


@pytest.mark.parametrize(
    ("over", "total", "words"),
    [
        ([1, 2], [10, 0], "block is empty"),
        ([11, 2], [10, 10], "more exceedances than values"),
        ([1], [10], "no variance"),
        ([1, float("nan")], [10, 10], "not a number"),
        ([1, -2], [10, 10], "negative"),
        ([1, 2, 3], [10, 10], "differ in length"),
    ],
)
def test_impossible_counts_are_named_errors(over: list[float], total: list[float], words: str) -> None:
    with pytest.raises(EvidenceProblem, match=words):
        effective_number(over, total)
