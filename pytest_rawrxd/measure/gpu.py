"""What the GPU did while something was measured: readings at a fixed beat, beside the measurement."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.sink import Sink

SAMPLES = "gpu.samples"  #: the kind of the record
BEAT_S = 0.1


class Probe(Protocol):
    """One GPU that can be read."""

    @property
    def source(self) -> str: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def absent(self) -> dict[str, str]:
        """Readings that this GPU does not have, each with the reason."""
        ...

    def read(self) -> tuple[int, ...]:
        """One value for each of ``columns``; raises RigTrouble when the GPU no longer answers."""
        ...

    def process_bytes(self, pid: int) -> int | None:
        """Device memory of a process; None where the GPU's driver does not list it."""
        ...


@contextmanager
def watched(probe: Probe | None, pid: int | None, clock: Clock, sink: Sink, about: dict[str, Any]) -> Iterator[None]:
    """Sample ``probe`` while something is measured and record it under ``about``; nothing without a probe.

    ``process_bytes`` is the device memory of process ``pid`` at the end, with the model still held.
    """
    if probe is None:
        yield
        return
    with GpuSampler(probe, clock) as sampler:
        yield
        held = probe.process_bytes(pid) if pid is not None else None
    sampler.keep(sink, {**about, "process_bytes": held})


class GpuSampler:
    """Reads ``probe`` in a thread of its own from entering to leaving. A probe that fails ends the readings."""

    def __init__(self, probe: Probe, clock: Clock, *, beat_s: float = BEAT_S) -> None:
        self.probe, self.beat_s = probe, beat_s
        self.problem: str | None = None
        self._clock = clock
        self._rows: list[tuple[int, ...]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="gpu-sampler")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def keep(self, sink: Sink, about: dict[str, Any]) -> str:
        """Record the readings as "gpu.samples" under ``about``; call it after leaving."""
        data = {
            **about,
            "source": self.probe.source,
            "beat_s": self.beat_s,
            "absent": self.probe.absent,
            "problem": self.problem,
        }
        return sink.record(SAMPLES, data, arrays_of(self._rows, self.probe.columns))

    def _run(self) -> None:
        try:
            sample(self.probe, self._clock.monotonic_ns, self._stop.wait, self._rows, beat_s=self.beat_s)
        except RigTrouble as trouble:
            self.problem = f"{trouble.what}: {trouble.found}"


def sample(
    probe: Probe,
    now_ns: Callable[[], int],
    stopped_within: Callable[[float], bool],
    rows: list[tuple[int, ...]],
    *,
    beat_s: float,
) -> None:
    """Append (instant, cost in ns, values...) to ``rows`` at every beat until ``stopped_within`` says so.

    Beats lie on a grid from the first reading; one that a late reading has missed is left out, never made up for.
    """
    beat = round(beat_s * 1e9)
    began = now_ns()
    while True:
        at = now_ns()
        values = probe.read()
        ended = now_ns()
        rows.append((at, ended - at, *values))
        due = began + beat * ((ended - began) // beat + 1)
        if stopped_within((due - ended) / 1e9):
            return


def arrays_of(rows: list[tuple[int, ...]], columns: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    """Rows as arrays: at_ns, cost_ns and one a column, each (n,) int64."""
    names = ("at_ns", "cost_ns", *columns)
    table = np.array(rows, dtype=np.int64).reshape(len(rows), len(names))
    return {name: table[:, index].copy() for index, name in enumerate(names)}
