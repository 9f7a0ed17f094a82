"""Observed time: how long a soak has been watched, without the stretches in which nobody could watch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from pytest_rawrxd.measure.clock import Clock

JUMP_S = 1.0  #: a clock that moved by more between two looks was set
SUSPEND, STEP, STOPPED, ENDED, REBOOT = (
    "suspend",
    "clock step",
    "the suite was stopped",
    "the suite ended",
    "reboot",
)


@dataclass(frozen=True)
class Interruption:
    """Something that took observation away: ``seconds`` of it are down time. None: nobody can say how many."""

    cause: str
    seconds: float | None
    said: str


class Timeline:
    """The axis of a soak. ``observed_s`` is where it stood when the session before this one was last heard of."""

    def __init__(self, clock: Clock, asleep_ns: Callable[[], int], *, observed_s: float = 0.0) -> None:
        self._clock, self._asleep = clock, asleep_ns
        self._zero_ns = clock.monotonic_ns() - round(observed_s * 1e9)
        self._look = self._looked()

    def now_s(self) -> float:
        """Observed time now."""
        return self.at_s(self._clock.monotonic_ns())

    def at_s(self, instant_ns: int) -> float:
        """Observed time at an instant of the monotonic clock."""
        return (instant_ns - self._zero_ns) / 1e9

    def restart(self) -> None:
        """Let the axis begin now: loading the first engine is no part of a soak."""
        self._zero_ns = self._clock.monotonic_ns()

    def exclude(self, seconds: float) -> None:
        """Take a stretch out of observed time."""
        self._zero_ns += round(seconds * 1e9)

    def interruptions(self) -> Iterator[Interruption]:
        """What happened to the clocks since the last call: the machine slept, or somebody set the time."""
        before, self._look = self._look, self._looked()
        slept = (self._look[1] - before[1]) / 1e9
        passed = (self._look[0] - before[0]) / 1e9 + slept
        set_by = (self._look[2] - before[2]).total_seconds() - passed
        if slept > JUMP_S:
            yield Interruption(SUSPEND, slept, f"the machine slept for {slept:.0f} s")
        if abs(set_by) > JUMP_S:
            yield Interruption(STEP, 0.0, f"the wall clock was set by {set_by:+.1f} s; measured time is not affected")

    def _looked(self) -> tuple[int, int, datetime]:
        return self._clock.monotonic_ns(), self._asleep(), self._clock.wall()
