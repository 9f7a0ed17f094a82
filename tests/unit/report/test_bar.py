"""Where the bar of a criterion draws what decides."""

from __future__ import annotations

import pytest

from pytest_rawrxd.report.bar import bar
from pytest_rawrxd.report.judged import Judged


@pytest.fixture
def drawn(sample):
    """The bar of a criterion given in part."""
    return lambda **given: bar(Judged.from_record(sample.criterion("P1-X", **given)))


def test_a_ceiling_is_kept_on_the_left_and_broken_on_the_right(drawn):
    kept = drawn(direction="<=", limit=50, estimate=43.1, lower=41.9, upper=44.6)
    broken = drawn(direction="<=", limit=50, estimate=61.2, lower=60.8, upper=61.9)
    assert kept.limits == broken.limits == (50.0,)
    assert kept.kept == (0.0, 50.0)
    assert 0 < kept.lower < kept.estimate < kept.upper < 50
    assert 50 < broken.lower < broken.estimate < broken.upper < 100


def test_a_floor_is_kept_on_the_right(drawn):
    found = drawn(direction=">=", limit=75, acceptance_limit=75.1234, estimate=80.6, lower=79.5, upper=81.7)
    assert found.kept == (50.0, 100.0)
    assert found.lower > 50
    assert 50 < found.acceptance < found.lower


def test_an_interval_over_the_limit_crosses_the_tick(drawn):
    found = drawn(direction="<=", limit=100, estimate=96.2, lower=90.4, upper=103.7)
    assert found.lower < 50 < found.upper


def test_positions_are_to_scale(drawn):
    found = drawn(direction="<=", limit=100, estimate=90, lower=80, upper=95)
    assert (50 - found.estimate) / (50 - found.lower) == pytest.approx(10 / 20, abs=0.01)
    assert (50 - found.upper) / (50 - found.lower) == pytest.approx(5 / 20, abs=0.01)


def test_a_band_shows_both_ends_and_what_lies_outside(drawn):
    found = drawn(direction="within", limit=[85, 95], estimate=97.3, lower=96.7, upper=97.9)
    assert found.limits == found.kept
    assert found.limits[0] + found.limits[1] == pytest.approx(100)
    assert found.limits[1] < found.lower < found.upper < 100


def test_a_side_without_a_bound_is_open_and_an_exact_value_is_a_point(drawn):
    half = drawn(direction=">=", limit=75, estimate=80, lower=79, upper=None)
    exact = drawn(direction="within", limit=[8, 10], unit="GB", estimate=8.9)
    assert (half.open_low, half.open_high, half.upper) == (False, True, 100.0)
    assert not exact.open_low
    assert not exact.open_high
    assert exact.lower == exact.estimate == exact.upper


def test_the_deciding_quantity_is_drawn_and_not_the_measured_one(drawn):
    share = {"quantity": "share", "unit": "%", "limit": 5.0, "acceptance_limit": 4.0}
    share |= {"estimate": 4.2, "lower": 4.0, "upper": 4.4}
    found = drawn(direction="<=", unit="ms", limit=50, estimate=20, lower=19, upper=21, deciding=share)
    assert found.estimate == pytest.approx(50 + 50 * (4.2 - 5) / (1.0 * 1.15), abs=0.01)
    assert found.words == "4.2 % [4.0, 4.4] against <= 5 %"
    assert found.acceptance is not None


def test_a_deciding_rate_without_a_limit_leaves_the_measured_value_on_the_bar(drawn):
    rate = {"quantity": "rate of gaps", "unit": "1/h", "estimate": 0.0, "upper": 0.1}
    assert drawn(direction="<=", unit="ms", limit=200, estimate=150, deciding=rate).words == "150 ms  against <= 200 ms"


@pytest.mark.parametrize(
    "given",
    [
        {"estimate": None},
        {"direction": "==", "limit": True, "unit": "yes/no", "estimate": 1},
        {"direction": "==", "limit": 0, "unit": "count", "estimate": 0},
    ],
)
def test_nothing_is_drawn_without_a_number_and_a_bound(drawn, given):
    assert drawn(**given) is None


def test_a_measured_value_on_a_limit_of_zero_stays_on_the_bar(drawn):
    found = drawn(direction="<=", unit="MB", limit=0, estimate=0, lower=0, upper=0)
    assert found.estimate == 50.0
