"""Bounds as they are written: one limit, a band, a fact, or a reference to the place where the number stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import PlainValidator, WithJsonSchema

from pytest_rawrxd.profile.quantities import UNKNOWN_UNIT, quantity_pattern, refusal
from pytest_rawrxd.profile.units import UNITS, Quantity, UnknownUnitError

_REFERENCE: Final = re.compile(r"protocol(\.[a-z0-9_]+)+")
_LIMIT_SHAPE: Final = 'a quantity as in "50 ms", a count as in 6, or a place as in "protocol.soak.duration"'
_BAND_SHAPE: Final = '["100 tok/s", "120 tok/s"], "79.97 tok/s +- 2 %" or "0 MB +- 50 MB"'
_ANY_QUANTITY: Final = quantity_pattern(*UNITS)


@dataclass(frozen=True)
class Reference:
    """The dotted place of a protocol value that is the bound, so that the number stands once."""

    place: str


@dataclass(frozen=True)
class Band:
    """Lower and upper end, and the expected value where the band is written around one."""

    lower: Quantity
    upper: Quantity
    centre: Quantity | None = None


def _quantity(raw: object, shape: str) -> Quantity:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise refusal("not a bound", shape)
    if isinstance(raw, int):
        return Quantity(float(raw), "count")
    if isinstance(raw, float):
        raise refusal("bad number: a bound is finite and has a unit", shape)
    try:
        return Quantity.parse(raw)
    except UnknownUnitError as problem:
        raise refusal(UNKNOWN_UNIT, str(problem)) from None
    except ValueError:
        raise refusal("bad number", shape) from None


def _limit(raw: object) -> Quantity | Reference:
    if isinstance(raw, str) and _REFERENCE.fullmatch(raw):
        return Reference(raw)
    return _quantity(raw, _LIMIT_SHAPE)


def _band(raw: object) -> Band:
    if isinstance(raw, str) and "+-" in raw:
        middle, _, spread = raw.partition("+-")
        return _around(_quantity(middle, _BAND_SHAPE), _quantity(spread, _BAND_SHAPE))
    if isinstance(raw, Sequence) and not isinstance(raw, str) and len(raw) == 2:
        lower, upper = _quantity(raw[0], _BAND_SHAPE), _quantity(raw[1], _BAND_SHAPE)
        if lower.dimension != upper.dimension:
            raise refusal(f"wrong unit: {upper.unit} beside {lower.unit}", _BAND_SHAPE)
        return _ordered(Band(lower, upper))
    raise refusal("not a band", _BAND_SHAPE)


def _around(centre: Quantity, spread: Quantity) -> Band:
    if spread.unit == "%" and centre.unit != "%":
        width = centre.value * spread.value / 100
    elif spread.dimension == centre.dimension:
        width = spread.to(centre.unit)
    else:
        raise refusal(f"wrong unit: +- {spread.unit} around {centre.unit}", f"{centre.unit} or %")
    # Ten digits: 79.97 x 1.02 is 81.5694 and not 81.56940000000001 on every page.
    lower, upper = (float(f"{centre.value + side:.10g}") for side in (-width, width))
    return _ordered(Band(Quantity(lower, centre.unit), Quantity(upper, centre.unit), centre))


def _ordered(band: Band) -> Band:
    if band.lower >= band.upper:
        raise refusal("lower end not below the upper end", f"[{band.upper}, {band.lower}] in this order")
    return band


def _exact(raw: object) -> Quantity | bool:
    if isinstance(raw, bool):
        return raw
    return _quantity(raw, "true, false or a count as in 0")


Limit = Annotated[
    Quantity | Reference,
    PlainValidator(_limit),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": _ANY_QUANTITY},
                {"type": "string", "pattern": f"^{_REFERENCE.pattern}$"},
                {"type": "integer", "minimum": 0},
            ]
        }
    ),
]
Within = Annotated[
    Band,
    PlainValidator(_band),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "items": {"type": "string", "pattern": _ANY_QUANTITY},
                    "minItems": 2,
                    "maxItems": 2,
                },
                {"type": "string", "pattern": r"^[^+]+ \+- [^+]+$"},
            ]
        }
    ),
]
Exactly = Annotated[Quantity | bool, PlainValidator(_exact), WithJsonSchema({"type": ["boolean", "integer"]})]
Expected = Annotated[
    Quantity,
    PlainValidator(lambda raw: _quantity(raw, 'a quantity as in "115 tok/s"')),
    WithJsonSchema({"type": "string", "pattern": _ANY_QUANTITY}),
]
