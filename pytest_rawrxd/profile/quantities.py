"""Quantity strings as pydantic field types: ``"30 s"`` in the file, a Quantity in the model, ``"30 s"`` in JSON.

The convention of a profile: a number that has a unit is a quantity string; a plain number is a count or a probability.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from pytest_rawrxd.profile.units import UNITS, Dimension, Quantity, UnknownUnitError, units_of

UNKNOWN_UNIT: Final = "unknown unit"


def refusal(what: str, possible: str) -> PydanticCustomError:
    """The refusal of one value, in words that the loader passes on unchanged."""
    return PydanticCustomError("refused", "{what}", {"what": what, "possible": possible})


def read_quantity(raw: object, dimension: Dimension) -> Quantity:
    """``raw`` as a quantity of ``dimension``; refuses everything else and names the possible units."""
    possible = f"a number and one of the units {', '.join(units_of(dimension))}"
    if not isinstance(raw, str):
        raise refusal("a number without a unit", f"{possible}, as a text in quotes")
    try:
        quantity = Quantity.parse(raw)
    except UnknownUnitError:
        raise refusal(UNKNOWN_UNIT, possible) from None
    except ValueError:
        raise refusal("bad number", possible) from None
    if quantity.dimension != dimension:
        raise refusal(f"wrong unit: {quantity.unit} measures {quantity.dimension}, not {dimension}", possible)
    return quantity


def quantity_pattern(*units: str) -> str:
    """The regular expression of a quantity string in one of ``units``, for an editor's JSON Schema."""
    return rf"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)? ?({'|'.join(re.escape(unit) for unit in units)})$"


@dataclass(frozen=True)
class Of:
    """Marks a field as a quantity of one dimension, in base units at least ``low`` and at most ``high``."""

    dimension: Dimension
    low: float = 0.0
    high: float | None = None
    above: bool = True  #: ``low`` itself is refused

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": quantity_pattern(*units_of(self.dimension))}

    def _read(self, raw: object) -> Quantity:
        quantity = raw if isinstance(raw, Quantity) else read_quantity(raw, self.dimension)
        base = quantity.value * UNITS[quantity.unit].factor
        too_low = base <= self.low if self.above else base < self.low
        if too_low or (self.high is not None and base > self.high):
            # Not every dimension has a unit of factor 1: a data rate begins with GB/s.
            unit = min(units_of(self.dimension), key=lambda symbol: abs(UNITS[symbol].factor - 1))
            factor = UNITS[unit].factor
            lowest = f"{'more than' if self.above else 'at least'} {self.low / factor:g}"
            highest = "" if self.high is None else f", at most {self.high / factor:g}"
            raise refusal("number out of range", f"{lowest}{highest} (in {unit})")
        return quantity


Duration = Annotated[Quantity, Of("time")]
Data = Annotated[Quantity, Of("data")]
Bandwidth = Annotated[Quantity, Of("data rate")]
Share = Annotated[Quantity, Of("ratio", high=1.0)]
Ratio = Annotated[Quantity, Of("ratio")]


def ascending(pair: tuple[Quantity, Quantity]) -> tuple[Quantity, Quantity]:
    """``pair`` when its first does not exceed its second."""
    if pair[0] > pair[1]:
        raise refusal("lower end above the upper end", f"[{pair[1]}, {pair[0]}] in this order")
    return pair
