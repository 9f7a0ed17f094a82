"""Taking up a soak that an earlier session left: what it had done, and how long nobody observed since."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from pytest_rawrxd.errors import CampaignProblem
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.soak.journal import BEGIN, FAILED, FINISHED, SOAK, TROUBLE, Tally
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


def is_over(earlier: Earlier) -> bool:
    """Whether a soak has come to its end; one that was stopped can go on."""
    return earlier.tally.ended in {FINISHED, FAILED}


def check_resumable(earlier: Earlier | None, run_dir: Path) -> None:
    """Raise CampaignProblem unless the soak of ``run_dir`` can go on."""
    if earlier is None:
        raise CampaignProblem(
            "there is no soak to resume",
            where=str(run_dir),
            possible="start one: rawrxd soak start PROFILE, or pytest acceptance/ -m soak --sla-run-dir DIR",
        )
    if is_over(earlier):
        raise CampaignProblem(
            "the soak of this run directory is over and cannot go on",
            where=str(run_dir),
            found=f"{earlier.tally.ended} after {earlier.tally.at_s:.0f} s of observed time",
            possible=f"rawrxd soak collect {run_dir}, or another soak in a new run directory",
        )


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
