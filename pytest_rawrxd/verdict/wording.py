"""How a number reads in the sentence of a finding."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_rawrxd.profile.units import convert, readable_unit


def number(value: float | None) -> str:
    """Return ``value`` with four significant digits and thousands separated; "none" where there is none."""
    if value is None:
        return "none"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{min(digits, 9)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def bounds(estimate: float, lower: float | None, upper: float | None, unit: str = "") -> str:
    """Return "48 ms [47.5, 48.6]", a time in a unit that reads well."""
    shown = readable_unit(estimate, unit)
    value, low, high = (each if each is None else convert(each, unit, shown) for each in (estimate, lower, upper))
    return f"{number(value)}{f' {shown}' if shown else ''} [{number(low)}, {number(high)}]"


def required(direction: str, limit: float | tuple[float, float]) -> str:
    """Return "<= 50" or "within [78.37, 81.57]"."""
    if isinstance(limit, tuple):
        return f"{direction} [{number(limit[0])}, {number(limit[1])}]"
    return f"{direction} {number(limit)}"


def duration(hours: float) -> str:
    """Return a length of time in the unit a planner uses: seconds, minutes or hours."""
    if hours < 1 / 30:
        return f"{number(math.ceil(hours * 3600))} s"
    return f"{number(math.ceil(hours * 60))} minutes" if hours < 3 else f"{number(math.ceil(hours))} hours"


def in_words(names: Sequence[str]) -> str:
    """Names as a sentence has them: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
