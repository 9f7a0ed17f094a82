"""What every claim of a plan is told in: the machine time of an activity, shares and hours as words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.verdict.wording import number


@dataclass(frozen=True)
class Run:
    """An activity's machine time: hours of measuring, fresh processes, and tok/s where streams share a batch."""

    hours: float
    starts: int
    at_least: bool = False
    streams_rate: float | None = None


#: A group of criteria of one kind -> what decides them, and what a shorter run cannot say (None: nothing).
Rule = Callable[[Profile, Sequence[Criterion], Run], tuple[str, str | None]]


def in_percent(share: float) -> str:
    """A share to three digits."""
    return f"{number(100 * float(f'{share:.3g}'))} %"


def in_hours(hours: float) -> str:
    """Hours in the unit that fits them."""
    for unit, size in (("h", 1.0), ("min", 60.0)):
        if hours * size >= 1:
            return f"{number(hours * size)} {unit}"
    return f"{number(3600 * hours)} s"
