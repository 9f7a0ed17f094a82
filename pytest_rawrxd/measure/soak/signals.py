"""What is read beside a soak, at a fixed beat, and what the machine was doing at each reading."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.clock import Clock

Activity = Literal["loaded", "waiting", "quiesced", "starting"]
LOADED: Activity = "loaded"  #: a burst is running
WAITING: Activity = "waiting"  #: between two bursts
QUIESCED: Activity = "quiesced"  #: in an idle phase
STARTING: Activity = "starting"  #: no engine is ready
KEPT = 100_000  #: readings that wait to be written; more were a writer that is stuck for days


class Signals(Protocol):
    """Everything that can be read about device, host and engine process."""

    @property
    def sources(self) -> Mapping[str, str]:
        """Signal -> where it is read. The name ends in its unit: ``temperature_c``, ``process_bytes``."""
        ...

    @property
    def absent(self) -> Mapping[str, str]:
        """Signal that cannot be had -> why."""
        ...

    @property
    def memory(self) -> str | None:
        """The signal that is the memory of the engine process; None where none is."""
        ...

    def read(self, pid: int | None) -> Mapping[str, float]:
        """What can be read now of ``pid``, an engine process; RigTrouble when the device no longer answers."""
        ...


@dataclass(frozen=True)
class Reading:
    """Values at one instant of the monotonic clock."""

    at_ns: int
    cost_ns: int
    activity: Activity
    values: Mapping[str, float]


class Watch:
    """Reads ``signals`` at a beat, in a thread of its own or (``threaded=False``, virtual time) when it is drained.

    A beat that a late reading has missed is left out, never made up for. Use as a context manager.
    """

    def __init__(self, signals: Signals, clock: Clock, *, beat_s: float, threaded: bool = True) -> None:
        self.signals = signals
        self.activity: Activity = STARTING
        self.pid: int | None = None
        self.problem: str | None = None
        self.threaded = threaded
        self._clock, self._beat_ns = clock, round(beat_s * 1e9)
        self._due_ns = clock.monotonic_ns()
        self._kept: deque[Reading] = deque(maxlen=KEPT)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="soak-watch") if threaded else None

    def __enter__(self) -> Self:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def drain(self) -> list[Reading]:
        """The readings since the last call, oldest first."""
        if self._thread is None:
            self._poll()
        return [self._kept.popleft() for _ in range(len(self._kept))]

    def _run(self) -> None:
        while not self._stop.wait(max(0.0, (self._due_ns - self._clock.monotonic_ns()) / 1e9)):
            self._poll()

    def _poll(self) -> None:
        began = self._clock.monotonic_ns()
        if began < self._due_ns:
            return
        activity = self.activity
        try:
            values = self.signals.read(self.pid)
        except RigTrouble as trouble:
            self.problem, values = f"{trouble.what}: {trouble.found}", {}
        ended = self._clock.monotonic_ns()
        self._kept.append(Reading(began, ended - began, activity, values))
        self._due_ns += self._beat_ns * ((ended - self._due_ns) // self._beat_ns + 1)
