"""One formatter for every renderer."""

from __future__ import annotations

import pytest

from pytest_rawrxd.report import number


@pytest.mark.parametrize(
    ("values", "unit", "limit", "said"),
    [
        ((61.2, 60.8, 61.9), "ms", 50, ("61.2 ms", "[60.8, 61.9]")),
        ((862.0, 851.0, 873.0), "tok/s", 800, ("862 tok/s", "[851, 873]")),
        ((79.9712, 79.951, 79.989), "tok/s", 79.97, ("79.971 tok/s", "[79.951, 79.989]")),
        ((4.2, 4.0, 4.4), "%", 5, ("4.2 %", "[4.0, 4.4]")),
        ((0.042, 0.040, 0.044), "share", 0.05, ("4.2 %", "[4.0, 4.4]")),
        ((412300.0, None, None), "count", None, ("412,300", "")),
        ((0.0, 0.0, 0.0), "count", 0, ("0", "")),
        ((8.9, 8.9, 8.9), "GB", (8, 10), ("8.90 GB", "")),
        ((-12.4, -14.0, -11.0), "MB", (-50, 50), ("−12.4 MB", "[−14.0, −11.0]")),
        ((131.0, 112.0, None), "s", 120, ("131 s", "[112, …]")),
        ((0.0623, 0.0520, 0.0731), "min", 2, ("3.74 s", "[3.12, 4.39]")),
        ((0.0623, None, 1.5), "min", 2, ("3.7 s", "[…, 90.0]")),
        ((1.0, 0.9, 1.1), "min", 2, ("1.00 min", "[0.90, 1.10]")),
        ((0.999, 0.9, 1.1), "min", 2, ("59.9 s", "[54.0, 66.0]")),
        ((0.0002, 0.0001, 0.0003), "h", 48, ("0.72 s", "[0.36, 1.08]")),
        ((0.0, 0.0, 0.0), "min", 2, ("0 min", "")),
        ((0.00005, None, None), "s", 90, ("0.0500 ms", "")),
        ((1.0, None, None), "yes/no", True, ("yes", "")),
        ((None, None, None), "ms", 50, ("–", "")),
    ],
)
def test_value_and_interval_read_to_the_same_places(values, unit, limit, said):
    assert number.measured(*values, unit, limit=limit) == said


@pytest.mark.parametrize(
    ("value", "error", "unit", "said"),
    [
        (0.2455, 0.0093, "share", "24.6 ± 0.9 %"),
        (0.02810, 0.00043, "", "0.0281 ± 0.0004"),
        (271.763, 20.748, "", "272 ± 21"),
        (1.0, 0.0, "share", "100.0 ± 0.0 %"),
        (0.0, 0.0, "", "0 ± 0"),
    ],
)
def test_a_value_and_its_error_read_to_the_same_places(value, error, unit, said):
    assert number.with_error(value, error, unit) == said


@pytest.mark.parametrize(("estimate", "said"), [(50.04, "50.04 ms"), (49.996, "49.996 ms"), (50.0, "50.0 ms")])
def test_a_miss_never_reads_like_the_limit_it_misses(estimate, said):
    assert number.measured(estimate, None, None, "ms", limit=50)[0] == said


@pytest.mark.parametrize(
    ("direction", "limit", "unit", "said"),
    [
        ("<=", 50, "ms", "<= 50 ms"),
        (">=", 79.97, "tok/s", ">= 79.97 tok/s"),
        ("within", (85, 95), "tok/s", "within 85 to 95 tok/s"),
        ("within", (-50.0, 50.0), "MB", "within −50 to 50 MB"),
        ("<=", 0.04, "share", "<= 4 %"),
        ("<=", 85, "degC", "<= 85 °C"),
        ("==", True, "yes/no", "yes"),
        ("==", 0, "count", "== 0"),
    ],
)
def test_a_bound_reads_as_it_was_written(direction, limit, unit, said):
    assert number.required(direction, limit, unit) == said


@pytest.mark.parametrize(
    ("estimate", "limit", "direction", "room"),
    [
        (61.2, 50, "<=", -11.2),
        (50, 50, "<=", 0),
        (74.9, 75, ">=", -0.1),
        (75.1, 75, ">=", 0.1),
        (97, (85, 95), "within", -2),
        (86, (85, 95), "within", 1),
        (84, (85, 95), "within", -1),
        (2, 0, "==", -2),
    ],
)
def test_room_is_positive_on_the_kept_side_only(estimate, limit, direction, room):
    assert number.room(estimate, limit, direction) == pytest.approx(room)


def test_the_margin_to_a_limit_of_zero_has_no_percentage():
    assert number.margin(2, 0) is None
    assert number.margin(61.2, 50) == pytest.approx(0.224)


def test_minus_zero_reads_as_zero():
    assert number.number(-0.0004, "ms", decimals=1) == "0.0 ms"


@pytest.mark.parametrize(("octets", "said"), [(999, "999 B"), (1000, "1.00 kB"), (14_200_000, "14.2 MB")])
def test_sizes_are_decimal(octets, said):
    assert number.size(octets) == said
