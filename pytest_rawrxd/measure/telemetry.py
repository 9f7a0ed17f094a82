"""Telemetry at a fixed beat of the monotonic clock, beside what is measured, with its own cost and lag."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.rig.telemetry import Value

#: What the sampler asks at each beat, such as ``Telemetry.read``: signals, None for one without a value now.
Read = Callable[[], Mapping[str, Value | None]]


@dataclass(frozen=True)
class Sample:
    """One reading. ``at_ns`` is the monotonic instant at which it began."""

    at_ns: int
    cost_ns: int  #: how long reading took
    lag_ns: int  #: how late after its beat it began
    values: Mapping[str, Value | None]


Keep = Callable[[Sample], None]


@dataclass
class Pace:
    """How well the sampler kept its beat, in memory of constant size."""

    samples: int = 0
    missed: int = 0  #: beats that a late reading left out; they are never made up for
    cost_ns: int = 0
    cost_max_ns: int = 0
    lag_ns: int = 0
    lag_max_ns: int = 0

    def count(self, sample: Sample, missed: int) -> None:
        self.samples += 1
        self.missed += missed
        self.cost_ns += sample.cost_ns
        self.cost_max_ns = max(self.cost_max_ns, sample.cost_ns)
        self.lag_ns += sample.lag_ns
        self.lag_max_ns = max(self.lag_max_ns, sample.lag_ns)

    def to_dict(self) -> dict[str, Any]:
        """For a record: means are None without a sample."""
        return {
            "samples": self.samples,
            "missed": self.missed,
            "cost_mean_ns": self.cost_ns // self.samples if self.samples else None,
            "cost_max_ns": self.cost_max_ns if self.samples else None,
            "lag_mean_ns": self.lag_ns // self.samples if self.samples else None,
            "lag_max_ns": self.lag_max_ns if self.samples else None,
        }


class Sampler:
    """Reads in a thread of its own from entering to leaving and hands each sample to ``keep`` in that thread.

    ``read`` or ``keep`` that raises ends the sampling; the exception is raised again when the sampler is left, unless
    another one is on its way.
    """

    def __init__(self, read: Read, clock: Clock, keep: Keep, *, beat_s: float) -> None:
        self.beat_s = beat_s
        self.pace = Pace()
        self._read, self._clock, self._keep = read, clock, keep
        self._problem: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="telemetry")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._problem is not None and kind is None:
            raise self._problem

    def _run(self) -> None:
        try:
            sample(
                self._read,
                self._clock.monotonic_ns,
                self._stop.wait,
                self._keep,
                beat_s=self.beat_s,
                pace=self.pace,
            )
        except Exception as problem:
            self._problem = problem


def sample(
    read: Read,
    now_ns: Callable[[], int],
    stopped_within: Callable[[float], bool],
    keep: Keep,
    *,
    beat_s: float,
    pace: Pace,
) -> None:
    """Read at every beat until ``stopped_within(seconds)`` says so.

    Beats lie on a grid from the first reading; one that a late reading has missed is left out, never made up for.
    """
    beat = round(beat_s * 1e9)
    due = began = now_ns()
    while True:
        at = now_ns()
        values = read()
        taken = Sample(at, now_ns() - at, at - due, values)
        keep(taken)
        ended = now_ns()
        following = began + beat * ((ended - began) // beat + 1)
        pace.count(taken, (following - due) // beat - 1)
        due = following
        if stopped_within((due - ended) / 1e9):
            return
