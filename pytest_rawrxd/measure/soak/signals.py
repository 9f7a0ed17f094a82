"""What is read beside a soak, at a fixed beat, and what the engine was doing at each reading."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol, Self

from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.telemetry import Sample, Sampler
from pytest_rawrxd.rig.telemetry import SIGNALS, Telemetry, Value
from pytest_rawrxd.rig.telemetry.host import resident_bytes

Activity = Literal["loaded", "waiting", "quiesced", "starting"]
LOADED: Activity = "loaded"  #: a burst is running
WAITING: Activity = "waiting"  #: between two bursts
QUIESCED: Activity = "quiesced"  #: in an idle phase
STARTING: Activity = "starting"  #: no engine is ready
KEPT = 100_000  #: readings that wait to be written; more were a writer that is stuck for days
SUITE = "suite_resident_bytes"  #: the memory of the suite itself: an instrument that leaks says nothing about a leak


class Signals(Protocol):
    """Everything that can be read about device, host and engine process."""

    @property
    def sources(self) -> Mapping[str, str]:
        """Signal -> where it is read. The name ends in its unit."""
        ...

    @property
    def absent(self) -> Mapping[str, str]:
        """Signal that cannot be had -> why."""
        ...

    @property
    def memory(self) -> tuple[str, ...]:
        """The signals whose drift is judged: the engine's own memory first, then that of the whole device."""
        ...

    @property
    def problem(self) -> str | None:
        """Which sources no longer answer, and why."""
        ...

    def read(self, pids: tuple[int, ...]) -> Mapping[str, Value | None]:
        """What can be read now of ``pids``, the processes of an engine together. Never raises."""
        ...

    def distrust(self, empty: Mapping[str, Value | None], pids: tuple[int, ...], loaded_bytes: int) -> dict[str, str]:
        """Stop using counters that stood still since ``empty`` while ``pids`` loaded this much: which, and why."""
        ...


class MachineSignals:
    """The telemetry of this machine, and this process's own memory."""

    def __init__(self, telemetry: Telemetry, *, on_cpu: bool) -> None:
        self._telemetry = telemetry
        wanted = ("resident_bytes",) if on_cpu else ("process_memory_bytes", "memory_used_bytes")
        known = {reading.signal.name: reading.source for reading in telemetry.readings if reading.source is not None}
        self.sources = {**known, SUITE: "psutil"}
        self.absent = {name: telemetry.why_not(name) or "" for name in SIGNALS if name not in known}
        self.memory = tuple(name for name in wanted if name in known)
        self._pids: tuple[int, ...] = ()

    @property
    def problem(self) -> str | None:
        return "; ".join(self._telemetry.problems.values()) or None

    def read(self, pids: tuple[int, ...]) -> dict[str, Value | None]:
        if pids != self._pids:
            self._pids = pids
            self._telemetry.follow(pids)
        return {**self._telemetry.read(), SUITE: resident_bytes((os.getpid(),))}

    def distrust(self, empty: Mapping[str, Value | None], pids: tuple[int, ...], loaded_bytes: int) -> dict[str, str]:
        still = self._telemetry.distrust_still(dict(empty), self.read(pids), loaded_bytes=loaded_bytes)
        self.memory = tuple(name for name in self.memory if name not in still)
        return still


class Elsewhere:
    """What can be read of an engine whose process nobody here sees: the memory of the suite itself."""

    sources: Mapping[str, str] = MappingProxyType({SUITE: "psutil"})
    memory: tuple[str, ...] = ()
    problem: str | None = None

    def __init__(self, why: str) -> None:
        self.absent = dict.fromkeys(SIGNALS, why)

    def read(self, _pids: tuple[int, ...]) -> dict[str, Value | None]:
        return {SUITE: resident_bytes((os.getpid(),))}

    def distrust(
        self, _empty: Mapping[str, Value | None], _pids: tuple[int, ...], _loaded_bytes: int
    ) -> dict[str, str]:
        return {}


@dataclass(frozen=True)
class Reading:
    """Values at one instant of the monotonic clock; a signal without a value now is not in them."""

    at_ns: int
    cost_ns: int
    activity: Activity
    values: Mapping[str, Value]


class Watch:
    """Reads ``signals`` at a beat, in a thread of its own or (``threaded=False``, virtual time) when it is drained.

    Use as a context manager.
    """

    def __init__(self, signals: Signals, clock: Clock, *, beat_s: float, threaded: bool = True) -> None:
        self.signals = signals
        self.threaded = threaded
        self.activity: Activity = STARTING
        self.pids: tuple[int, ...] = ()
        self._clock, self._beat_ns = clock, round(beat_s * 1e9)
        self._due_ns = clock.monotonic_ns()
        self._kept: deque[Reading] = deque(maxlen=KEPT)
        self._sampler = Sampler(self._read, clock, self._keep, beat_s=beat_s) if threaded else None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self._sampler is not None:
            self._stack.enter_context(self._sampler)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    @property
    def pace(self) -> dict[str, float | None] | None:
        """Cost and lag of the beats so far, None in virtual time."""
        return None if self._sampler is None else self._sampler.pace.to_dict()

    def drain(self) -> list[Reading]:
        """The readings since the last call, oldest first."""
        now = self._clock.monotonic_ns()
        if self._sampler is None and now >= self._due_ns:
            self._due_ns += self._beat_ns * ((now - self._due_ns) // self._beat_ns + 1)
            self._keep(Sample(now, 0, 0, self._read()))
        return [self._kept.popleft() for _ in range(len(self._kept))]

    def _read(self) -> Mapping[str, Value | None]:
        return self.signals.read(self.pids)

    def _keep(self, sample: Sample) -> None:
        values = {name: value for name, value in sample.values.items() if value is not None}
        self._kept.append(Reading(sample.at_ns, sample.cost_ns, self.activity, values))
