"""Units and quantities: numbers that know what they measure and refuse to meet another dimension."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import total_ordering
from types import MappingProxyType
from typing import Final, Literal, Self

from pytest_rawrxd.errors import SuiteDefect

Dimension = Literal[
    "time", "token rate", "request rate", "data", "data rate", "ratio", "temperature", "count", "yes or no"
]


@dataclass(frozen=True)
class Unit:
    """A unit: ``factor`` of the dimension's base unit (s, tok/s, req/s, B, B/s, 1, degC)."""

    symbol: str
    dimension: Dimension
    factor: float


_FACTORS: Final[tuple[tuple[str, Dimension, float], ...]] = (
    ("ns", "time", 1e-9),
    ("us", "time", 1e-6),
    ("ms", "time", 1e-3),
    ("s", "time", 1.0),
    ("min", "time", 60.0),
    ("h", "time", 3600.0),
    ("tok/s", "token rate", 1.0),
    ("req/s", "request rate", 1.0),
    ("B", "data", 1.0),
    ("kB", "data", 1e3),
    ("KiB", "data", 2.0**10),
    ("MB", "data", 1e6),
    ("MiB", "data", 2.0**20),
    ("GB", "data", 1e9),
    ("GiB", "data", 2.0**30),
    ("MB/s", "data rate", 1e6),
    ("GB/s", "data rate", 1e9),
    ("GiB/s", "data rate", 2.0**30),
    ("%", "ratio", 1e-2),
    ("ratio", "ratio", 1.0),
    ("x", "ratio", 1.0),
    ("degC", "temperature", 1.0),
    ("count", "count", 1.0),
    ("yes/no", "yes or no", 1.0),
)
UNITS: Final = MappingProxyType({name: Unit(name, dimension, factor) for name, dimension, factor in _FACTORS})


def units_of(dimension: Dimension) -> tuple[str, ...]:
    """The symbols that measure ``dimension``, smallest unit first."""
    return tuple(unit.symbol for unit in UNITS.values() if unit.dimension == dimension)


def convert(value: float, unit: str, to: str) -> float:
    """``value`` of ``unit`` expressed in ``to``; raises SuiteDefect when the two measure different things."""
    if unit == to:  # also of a unit that only reports know; and a factor and its inverse would cost the last digit
        return value
    source, target = UNITS[unit], UNITS[to]
    if source.dimension != target.dimension:
        raise SuiteDefect(
            f"{unit} and {to} never compare",
            found=f"{unit} measures {source.dimension}, {to} measures {target.dimension}",
            possible=f"one of {', '.join(units_of(target.dimension))}",
        )
    return value * source.factor / target.factor


def readable_unit(value: float, unit: str) -> str:
    """The unit in which a time of ``value`` ``unit`` reads well: 0.0623 min is seconds; others stay as they are."""
    symbols = units_of("time")
    if unit not in symbols or value == 0:
        return unit
    at = symbols.index(unit)
    while at and abs(convert(value, unit, symbols[at])) < _LEAST.get(symbols[at], _LEAST_DECIMAL):
        at -= 1
    return symbols[at]


def number_text(value: float) -> str:
    """``value`` in the shortest digits that read back as the same number, whole numbers without a point."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


_LEAST: Final = {"h": 1.0, "min": 1.0}  #: a fraction of what is not counted in tens says nothing
_LEAST_DECIMAL: Final = 0.01
_PLAIN: Final = ("count", "yes/no")  #: written as whole numbers and as true or false, without a unit
_QUANTITY: Final = re.compile(r"(?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?) ?(?P<unit>[A-Za-z%/]+)")


class UnknownUnitError(ValueError):
    """A number with a unit that nobody here knows."""


@total_ordering
@dataclass(frozen=True, eq=False)
class Quantity:
    """A number with its unit. Ordering converts within a dimension and raises SuiteDefect between two."""

    value: float
    unit: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``"50 ms"``; raises ValueError naming the shape, UnknownUnitError naming the units."""
        found = _QUANTITY.fullmatch(text.strip())
        if found is None:
            raise ValueError('a number and a unit, as in "50 ms"')
        if found["unit"] not in UNITS or found["unit"] in _PLAIN:
            raise UnknownUnitError(f"one of {', '.join(unit for unit in UNITS if unit not in _PLAIN)}")
        value = float(found["number"])
        if not math.isfinite(value):
            raise ValueError("a finite number")
        return cls(value, found["unit"])

    @property
    def dimension(self) -> Dimension:
        return UNITS[self.unit].dimension

    def to(self, unit: str) -> float:
        """The number in another unit of the same dimension."""
        return convert(self.value, self.unit, unit)

    def __str__(self) -> str:
        return f"{number_text(self.value)} {self.unit}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quantity):
            return NotImplemented
        return self.dimension == other.dimension and self._base() == other._base()

    def __hash__(self) -> int:
        return hash((self.dimension, self._base()))

    def __lt__(self, other: Quantity) -> bool:
        if not isinstance(other, Quantity):
            return NotImplemented
        return self.value < convert(other.value, other.unit, self.unit)

    def _base(self) -> float:
        return self.value * UNITS[self.unit].factor
