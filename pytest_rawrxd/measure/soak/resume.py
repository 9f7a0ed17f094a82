"""Taking up a soak that an earlier session left: what it had done, and how long nobody observed since."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.soak.journal import BEGIN, TROUBLE, Tally
from pytest_rawrxd.measure.soak.timeline import ENDED, REBOOT, Interruption


class Recorded(Protocol):
    """What is read of a ledger record."""

    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> str: ...
    @property
    def mono_ns(self) -> int: ...
    @property
    def data(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Earlier:
    """A soak as its records leave it."""

    tally: Tally
    terms: dict[str, Any]
    boot: str
    asleep_ns: int
    last_ns: int  #: instant of the newest record on the monotonic clock of that boot
    last_wall: str  #: and on the wall clock

    def gap(self, clock: Clock, asleep_ns: Callable[[], int], boot: str) -> Interruption:
        """How long nobody has observed, by the monotonic clock of one boot, by the wall clock over a reboot."""
        if boot == self.boot:
            slept = max(0, asleep_ns() - self.asleep_ns)
            seconds = (clock.monotonic_ns() - self.last_ns + slept) / 1e9
            return Interruption(ENDED, seconds, f"nobody observed for {seconds:.0f} s")
        away = (clock.wall() - datetime.fromisoformat(self.last_wall)).total_seconds()
        if away < 0:
            return Interruption(REBOOT, None, f"the wall clock went back by {-away:.0f} s over a reboot")
        return Interruption(REBOOT, away, f"{away:.0f} s from the last record to now, by the wall clock")


def soaks(records: Iterable[Recorded]) -> dict[int, Earlier]:
    """Every soak of a run directory by its number, as far as its records tell."""
    found: dict[int, Earlier] = {}
    for record in records:
        number = record.data.get("soak")
        if not isinstance(number, int) or not (record.kind.startswith("soak.") or record.kind == TROUBLE):
            continue
        before = found.get(number)
        if before is None and record.kind != BEGIN:
            continue  # a soak begins with its begin: anything else belongs to none
        tally = before.tally if before is not None else Tally()
        tally.fold(record.kind, record.data)
        begun = record.kind == BEGIN
        found[number] = Earlier(
            tally,
            record.data["terms"] if begun or before is None else before.terms,
            record.data["boot"] if begun or before is None else before.boot,
            record.data["asleep_ns"] if begun or before is None else before.asleep_ns,
            record.mono_ns,
            record.at,
        )
    return found
