"""Taking up a soak that an earlier session left: what it had done, and how long nobody observed since."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.soak.journal import BEGIN, SOAK, TROUBLE, Tally
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


def soak_so_far(records: Iterable[Recorded]) -> Earlier | None:
    """The soak of a run directory as far as its records tell; None where none was begun. A campaign has one."""
    tally, begun, last = Tally(), None, None
    for record in records:
        if record.kind.startswith("soak.") or (record.kind == TROUBLE and record.data.get("during") == SOAK):
            tally.fold(record.kind, record.data)
            begun, last = record if record.kind == BEGIN else begun, record
    if begun is None or last is None:
        return None
    return Earlier(tally, begun.data["boot"], begun.data["asleep_ns"], last.mono_ns, last.at)
