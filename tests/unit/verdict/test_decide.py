"""The decision algebra at, just under and just over each limit."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.decide import at_least, at_most, exceedance_acceptance, floor_acceptance, within
from pytest_rawrxd.verdict.outcome import Verdict

NUMBERS = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)
RANK = {Verdict.PASS: 0, Verdict.INCONCLUSIVE: 1, Verdict.FAIL: 2}


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (39.0, 49.9, Verdict.PASS),
        (39.0, 50.0, Verdict.INCONCLUSIVE),  # exactly at the limit: floating point would decide
        (39.0, 50.0 * (1 - 0.9e-9), Verdict.INCONCLUSIVE),
        (39.0, 50.0 * (1 - 2e-9), Verdict.PASS),
        (39.0, 50.1, Verdict.INCONCLUSIVE),
        (50.0, 60.0, Verdict.INCONCLUSIVE),
        (50.0 * (1 + 0.9e-9), 60.0, Verdict.INCONCLUSIVE),
        (50.0 * (1 + 2e-9), 60.0, Verdict.FAIL),
        (None, 49.0, Verdict.PASS),
        (None, 51.0, Verdict.INCONCLUSIVE),
        (51.0, None, Verdict.FAIL),
        (49.0, None, Verdict.INCONCLUSIVE),
        (None, None, Verdict.INCONCLUSIVE),
    ],
)
def test_a_ceiling_is_decided_by_the_bound_on_its_side(
    lower: float | None, upper: float | None, expected: Verdict
) -> None:
    assert at_most(lower, upper, limit=50.0) is expected


def test_between_acceptance_and_limit_nothing_is_decided() -> None:
    assert at_most(0.03, 0.0399, limit=0.05, acceptance=0.04) is Verdict.PASS
    assert at_most(0.03, 0.0401, limit=0.05, acceptance=0.04) is Verdict.INCONCLUSIVE
    assert at_most(0.0499, 0.06, limit=0.05, acceptance=0.04) is Verdict.INCONCLUSIVE
    assert at_most(0.0501, 0.06, limit=0.05, acceptance=0.04) is Verdict.FAIL


@given(lower=NUMBERS, upper=NUMBERS, limit=NUMBERS)
def test_a_floor_is_a_ceiling_in_the_mirror(lower: float, upper: float, limit: float) -> None:
    assert at_least(lower, upper, limit=limit) is at_most(-upper, -lower, limit=-limit)


@given(st.tuples(NUMBERS, NUMBERS).map(sorted), NUMBERS, st.floats(min_value=0, max_value=1e6))
def test_moving_an_interval_up_never_improves_a_ceiling(bounds: list[float], limit: float, shift: float) -> None:
    before = at_most(bounds[0], bounds[1], limit=limit)
    after = at_most(bounds[0] + shift, bounds[1] + shift, limit=limit)

    assert RANK[after] >= RANK[before]


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (79.0, 81.0, Verdict.PASS),
        (78.0, 81.0, Verdict.INCONCLUSIVE),
        (78.3706 - 1e-4, 81.0, Verdict.INCONCLUSIVE),
        (81.6, 82.0, Verdict.FAIL),
        (70.0, 78.3, Verdict.FAIL),
        (70.0, 90.0, Verdict.INCONCLUSIVE),
    ],
)
def test_a_band_is_kept_inside_and_broken_beyond_one_end(lower: float, upper: float, expected: Verdict) -> None:
    assert within(lower, upper, limits=(78.3706, 81.5694)) is expected


def test_acceptance_limits_are_those_of_the_design() -> None:
    assert floor_acceptance(75.0) == pytest.approx(75.0 * 1.001645, rel=1e-12)
    assert exceedance_acceptance(0.05) == pytest.approx(0.04, rel=1e-12)


def test_not_a_number_is_refused() -> None:
    with pytest.raises(EvidenceProblem, match="not a number"):
        at_most(math.nan, 1.0, limit=2.0)
    with pytest.raises(EvidenceProblem, match="lower end"):
        within(0.0, 1.0, limits=(2.0, 1.0))
