"""Load on every card of the host at once: each lane loads its own card, and all begin at the same instant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from pytest_rawrxd.errors import Absent
from pytest_rawrxd.measure.interleave import interleaved
from pytest_rawrxd.measure.levels import Level
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.rig.rendezvous import Rendezvous

MISSING = "load.apart"  #: runs that did not take place, because a lane did not come to the beginning of one
WAIT_S = 3600.0  #: for a lane whose card takes longer for what comes before; one that died is not waited for


class MeasureLevels(Protocol):
    """Measures levels on the card of this lane, and calls ``begin`` with level and run before the load of each."""

    def __call__(self, runs: Mapping[Level, int], *, begin: Callable[[Level, int], None]) -> None: ...


def load_together(runs: Mapping[Level, int], measure: MeasureLevels, meeting: Rendezvous, sink: Sink) -> None:
    """Measure each level as often as ``runs`` says while all lanes do, and return when the others have theirs too.

    Where one does not come, what is left is recorded as missing: a card that is loaded alone shows nothing of all. A
    lane whose engine has trouble goes on with the next run, so that the others learn that it does not come to this one.
    """
    order = interleaved(runs)
    begun = order[0]

    def begin(level: Level, run: int) -> None:
        nonlocal begun
        begun = level, run
        meeting.meet(order.index(begun), wait_s=WAIT_S)

    try:
        measure(runs, begin=begin)
        meeting.meet(len(order), wait_s=WAIT_S)
    except Absent as absent:
        level, run = begun
        sink.record(MISSING, {"streams": level.streams, "run": run, "why": f"{absent.what}: {absent.found}"})
