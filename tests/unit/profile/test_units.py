"""Numbers know what they measure."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_rawrxd.errors import SuiteDefect
from pytest_rawrxd.profile.units import UNITS, Quantity, UnknownUnitError, convert, number_text, units_of

numbers = st.floats(min_value=-1e12, max_value=1e12, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (50, "ms", "s", 0.05),
        (48, "h", "min", 2880),
        (16, "GiB", "GB", 17.179869184),
        (2, "MiB", "MB", 2.097152),
        (75, "%", "ratio", 0.75),
        (2.86, "x", "%", 286),
        (79.97, "tok/s", "tok/s", 79.97),
    ],
)
def test_a_value_converts_within_its_dimension(value: float, unit: str, to: str, expected: float) -> None:
    assert convert(value, unit, to) == pytest.approx(expected, rel=1e-12)


def test_milliseconds_and_mebibytes_never_compare() -> None:
    with pytest.raises(SuiteDefect) as defect:
        _ = Quantity(50, "ms") <= Quantity(50, "MiB")
    assert str(defect.value) == (
        "MiB and ms never compare\n"
        "  found: MiB measures data, ms measures time\n"
        "  possible: one of ns, us, ms, s, min, h"
    )


def test_every_pair_of_units_converts_or_raises() -> None:
    for unit in UNITS.values():
        for other in UNITS.values():
            if unit.dimension == other.dimension:
                assert convert(1, unit.symbol, other.symbol) == pytest.approx(unit.factor / other.factor)
            else:
                with pytest.raises(SuiteDefect):
                    convert(1, unit.symbol, other.symbol)


def test_order_is_that_of_the_thing_measured() -> None:
    assert Quantity(999, "ms") < Quantity(1, "s") < Quantity(1001, "ms")
    assert Quantity(1, "s") == Quantity(1000, "ms")
    assert hash(Quantity(1, "s")) == hash(Quantity(1000, "ms"))
    assert Quantity(1, "GB") != Quantity(1, "GiB")


def test_a_quantity_equals_no_plain_number() -> None:
    assert Quantity(1, "s") != 1
    with pytest.raises(TypeError):
        _ = Quantity(1, "s") < 2  # type: ignore[operator]


@settings(deadline=None)
@given(numbers, st.sampled_from([symbol for symbol in UNITS if symbol not in ("count", "yes/no")]))
def test_text_reads_back_as_the_same_quantity(value: float, unit: str) -> None:
    quantity = Quantity(value, unit)
    back = Quantity.parse(str(quantity))
    assert (back.value, back.unit) == (quantity.value, quantity.unit)


@pytest.mark.parametrize("text", ["50", "ms", "nan ms", "inf s", "1,000 ms", "50 ms 3", "", "0x10 ms", "1e999 s"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a number and a unit|a finite number"):
        Quantity.parse(text)


@pytest.mark.parametrize("text", ["50 msec", "50 MS", "6 count", "1 yes/no", "50 µs"])
def test_an_unknown_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"one of ns, us, ms|a number and a unit"):
        Quantity.parse(text)


def test_an_unknown_unit_is_refused_with_the_units_there_are() -> None:
    with pytest.raises(UnknownUnitError, match="one of ns, us, ms"):
        Quantity.parse("50 msec")


def test_units_of_a_dimension_are_listed_smallest_first() -> None:
    assert units_of("time") == ("ns", "us", "ms", "s", "min", "h")


@pytest.mark.parametrize(
    ("value", "text"), [(50.0, "50"), (79.97, "79.97"), (-0.5, "-0.5"), (1e15, "1000000000000000.0")]
)
def test_numbers_are_written_in_the_fewest_digits(value: float, text: str) -> None:
    assert number_text(value) == text
