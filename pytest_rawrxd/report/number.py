"""How a number reads: one formatter of values, intervals, limits and margins for every renderer.

A value shows three significant digits (a percentage two), more where its interval is narrower or where it would
otherwise read like the limit it misses, and never more than the six that verdicts.json holds. GB = 1e9 B.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_rawrxd.profile.units import convert, readable_unit

MOST_DIGITS = 6
ABSENT = "–"
OPEN = "…"  #: a side of an interval that has no bound
FACT_UNITS = frozenset({"yes/no"})
#: Units that are not printed behind the number.
BARE_UNITS = frozenset({"", "count", "ratio", *FACT_UNITS})
SHARE = "share"  #: 0 to 1, printed as a percentage
SPELLED = {SHARE: "%", "degC": "°C", "1/h": "per hour"}

Limit = float | bool | Sequence[float] | None


def places(values: Sequence[float], *, unit: str = "", against: Sequence[float] = ()) -> int:
    """Return how many decimal places tell ``values`` apart from each other and from the limits ``against``."""
    scaled = [_scale(value, unit) for value in values]
    largest = max((abs(value) for value in scaled), default=0.0)
    if largest == 0 or (unit in BARE_UNITS and all(value.is_integer() for value in map(float, scaled))):
        return 0
    magnitude = math.floor(math.log10(largest))
    percent = _printed(unit) == "%"
    wanted = max(0, 2 - magnitude - percent, 1 if percent else 0)
    spread = max(scaled) - min(scaled)
    if spread > 0:
        wanted = max(wanted, -math.floor(math.log10(spread)))
    most = max(0, MOST_DIGITS - 1 - magnitude)
    limits = [_scale(limit, unit) for limit in against]
    while wanted < most and any(
        value != limit and round(value, wanted) == round(limit, wanted) for value in scaled for limit in limits
    ):
        wanted += 1
    return min(wanted, most)


def number(value: float | bool | None, unit: str = "", *, decimals: int | None = None) -> str:
    """Return ``value`` with its unit, "61.2 ms"; the sign of absence for None, yes or no for a fact."""
    if value is None:
        return ABSENT
    if isinstance(value, bool) or unit in FACT_UNITS:
        return "yes" if value else "no"
    return _with_unit(_digits(value, unit, places([value], unit=unit) if decimals is None else decimals), unit)


def interval(lower: float | None, upper: float | None, unit: str = "", *, decimals: int | None = None) -> str:
    """Return "[60.8, 61.9]" without the unit, "" where neither side has a bound."""
    sides = [side for side in (lower, upper) if side is not None]
    if not sides:
        return ""
    decimals = places(sides, unit=unit) if decimals is None else decimals
    low, high = (OPEN if side is None else _digits(side, unit, decimals) for side in (lower, upper))
    return f"[{low}, {high}]"


def measured(
    estimate: float | None, lower: float | None, upper: float | None, unit: str, *, limit: Limit = None
) -> tuple[str, str]:
    """Return the value with its unit and the interval beside it, both to the same number of places.

    A time far below its bound has a smaller unit than the bound: 3.74 s against 2 min.
    """
    if estimate is None or isinstance(limit, bool) or unit in FACT_UNITS:
        return number(None if estimate is None else bool(estimate)), ""
    exact = lower == upper == estimate  # counted or read off, not sampled
    shown = readable_unit(estimate, unit)
    value, low, high = convert(estimate, unit, shown), _side(lower, unit, shown), _side(upper, unit, shown)
    limits = [convert(edge, unit, shown) for edge in edges(limit)]
    decimals = places([side for side in (value, low, high) if side is not None], unit=shown, against=limits)
    return number(value, shown, decimals=decimals), "" if exact else interval(low, high, shown, decimals=decimals)


def _side(side: float | None, unit: str, shown: str) -> float | None:
    return None if side is None else convert(side, unit, shown)


def with_error(value: float, error: float, unit: str = "") -> str:
    """Return "24.6 ± 0.9 %", both to the places that the error tells apart."""
    decimals = places([value, value + error], unit=unit)
    return _with_unit(f"{_digits(value, unit, decimals)} ± {_digits(error, unit, decimals)}", unit)


def edges(limit: Limit) -> tuple[float, ...]:
    """Return the numbers a limit consists of: one, two for a band, none for a fact."""
    if limit is None or isinstance(limit, bool):
        return ()
    return (float(limit),) if isinstance(limit, int | float) else tuple(float(edge) for edge in limit)


def required(direction: str, limit: Limit, unit: str) -> str:
    """Return a bound in words: "<= 20 ms", "within 3 to 4 GB", "yes"."""
    if isinstance(limit, bool):
        return "yes" if limit else "no"
    sides = [exact(edge, unit) for edge in edges(limit)]
    if not sides:
        return ABSENT
    return _with_unit(f"within {sides[0]} to {sides[1]}" if len(sides) == 2 else f"{direction} {sides[0]}", unit)


def exact(value: float, unit: str = "") -> str:
    """Return a number as it was written, without the unit: 20, 12.34, 0.004."""
    text = f"{_scale(value, unit):,.{MOST_DIGITS}f}".rstrip("0").rstrip(".")
    return text.replace("-", "−")


def room(estimate: float, limit: Limit, direction: str) -> float | None:
    """Return the distance to the nearest edge of ``limit``: positive on the kept side, None for a fact."""
    sides = edges(limit)
    if not sides:
        return None
    if len(sides) == 2:
        return min(estimate - sides[0], sides[1] - estimate)
    distance = sides[0] - estimate
    return {"<=": distance, ">=": -distance, "==": -abs(distance)}.get(direction)


def margin(estimate: float, limit: Limit) -> float | None:
    """Return the distance to the nearest edge as a share of that edge, unsigned; None where it is zero or a fact."""
    nearest = min(edges(limit), key=lambda edge: abs(edge - estimate), default=0.0)
    return abs(estimate - nearest) / abs(nearest) if nearest else None


def percent(share: float) -> str:
    """Return a share as a percentage: 22.4 %, 0.31 %."""
    return number(share, SHARE)


def count(value: float) -> str:
    """Return a whole number with thousands separated: 7,012."""
    return f"{round(value):,}"


def size(octets: int) -> str:
    """Return a file size in decimal units: 14.2 MB."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if octets >= factor:
            return number(octets / factor, unit)
    return f"{octets} B"


def _scale(value: float, unit: str) -> float:
    return value * 100 if unit == SHARE else value


def _printed(unit: str) -> str:
    return SPELLED.get(unit, unit)


def _digits(value: float, unit: str, decimals: int) -> str:
    text = f"{_scale(value, unit):,.{decimals}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) != 0 else text.removeprefix("-")


def _with_unit(text: str, unit: str) -> str:
    return text if unit in BARE_UNITS else f"{text} {_printed(unit)}"
