"""The kinds of promise: which shape a bound has, and what keeping it means.

A kind is the name of the rule in ``verdict/`` that judges it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

Kind = Literal[
    "floor",
    "equivalence",
    "quantile",
    "spike",
    "share",
    "range",
    "efficiency",
    "drift",
    "hourly_floor",
    "total_delta",
    "slope_share",
    "zero",
    "loss",
    "recovery",
    "availability",
    "utilisation",
    "fact",
    "count",
    "declaration",
]
BoundKey = Literal["at_most", "at_least", "within", "equals"]
Direction = Literal["<=", ">=", "within", "=="]

BOUND_KEYS: Final[tuple[str, ...]] = get_args(BoundKey)
DIRECTIONS: Final[MappingProxyType[str, Direction]] = MappingProxyType(
    {"at_most": "<=", "at_least": ">=", "within": "within", "equals": "=="}
)


@dataclass(frozen=True)
class Rule:
    """What a kind promises, and the keys that may carry its bound."""

    promise: str
    bounds: tuple[BoundKey, ...]


RULES: Final[MappingProxyType[Kind, Rule]] = MappingProxyType(
    {
        "floor": Rule("the mean over fresh processes is at least the bound, and no process is below it", ("at_least",)),
        "equivalence": Rule("the mean over fresh processes lies inside the band, by two one-sided tests", ("within",)),
        "quantile": Rule("the share of values above the bound is at most one minus the quantile", ("at_most",)),
        "spike": Rule("no single value exceeds the bound", ("at_most",)),
        "share": Rule("the share of time or of events is at most the bound", ("at_most",)),
        "range": Rule("the value lies on the right side of the bound", ("at_most", "at_least", "within")),
        "efficiency": Rule("N streams reach at least this share of N times one stream", ("at_least",)),
        "drift": Rule("the slope, carried over the whole soak, stays inside the band", ("within",)),
        "hourly_floor": Rule("the lowest tenth of each hour stays near the first hour's", ("within",)),
        "total_delta": Rule("largest minus smallest value stays below the bound", ("at_most",)),
        "slope_share": Rule("the slope over the soak, as a share of the first day, stays inside the band", ("within",)),
        "zero": Rule("it never happens", ("equals",)),
        "loss": Rule("the share of requests lost, clustered by injection, is at most the bound", ("at_most",)),
        "recovery": Rule(
            "the mean time to recovery is at most the bound, and no recovery takes twice it", ("at_most",)
        ),
        "availability": Rule("the lower bound of up time over all time is at least the bound", ("at_least",)),
        "utilisation": Rule("the mean of 60 s means of loaded time lies inside the band", ("within",)),
        "fact": Rule("it is so", ("equals",)),
        "count": Rule("the count reaches the bound", ("at_least", "equals")),
        "declaration": Rule("a person of the operator declares it", ("equals", "at_most")),
    }
)
