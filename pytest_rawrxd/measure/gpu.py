"""What the GPU did while something was measured: readings at a fixed beat, beside the measurement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.measure.telemetry import Sample, Sampler
from pytest_rawrxd.rig.telemetry import Telemetry
from pytest_rawrxd.rig.telemetry.signal import names

SAMPLES = "gpu.samples"  #: the kind of the record
BEAT_S = 0.1
DEVICE = names("device")
PROCESS = "process_memory_bytes"
READ = (*DEVICE, PROCESS)


@contextmanager
def watched(
    telemetry: Telemetry | None,
    pids: Sequence[int],
    clock: Clock,
    sink: Sink,
    about: dict[str, Any],
    *,
    beat_s: float = BEAT_S,
) -> Iterator[None]:
    """Read the GPU while something is measured and record it under ``about``; nothing without telemetry.

    ``process_bytes`` is the device memory of the processes ``pids`` at the last reading, with the model still held.
    """
    if telemetry is None:
        yield
        return
    telemetry.follow(pids)
    samples: list[Sample] = []
    read = partial(telemetry.read, READ)
    with Sampler(read, clock, samples.append, beat_s=beat_s) as sampler:
        yield
    readings = [reading for reading in telemetry.readings if reading.signal.name in DEVICE]
    columns = [reading.signal.name for reading in telemetry.readings if reading.source and reading.signal.name in READ]
    data = {
        **about,
        "source": ", ".join(dict.fromkeys(reading.source for reading in readings if reading.source is not None)),
        "beat_s": beat_s,
        "absent": {reading.signal.name: reading.why_not for reading in readings if reading.source is None},
        "problem": "; ".join(telemetry.problems.values()) or None,
        "pace": sampler.pace.to_dict(),
        "process_bytes": samples[-1].values[PROCESS] if samples else None,
    }
    sink.record(SAMPLES, data, arrays_of(samples, columns))


def arrays_of(samples: Sequence[Sample], columns: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Samples as arrays: at_ns and cost_ns (n,), and one a column.

    A column that every sample has is (n,). One that some lack holds what there is, (m,), with its own instants in
    ``at_ns.NAME`` (m,).
    """
    arrays = {
        "at_ns": np.array([sample.at_ns for sample in samples], np.int64),
        "cost_ns": np.array([sample.cost_ns for sample in samples], np.int64),
    }
    for name in columns:
        known = [sample for sample in samples if sample.values[name] is not None]
        arrays[name] = _column([sample.values[name] for sample in known])
        if len(known) < len(samples):
            arrays[instants_of(name)] = np.array([sample.at_ns for sample in known], np.int64)
    return arrays


def instants_of(name: str) -> str:
    """The array with the instants of a column that some samples lack."""
    return f"at_ns.{name}"


def _column(values: list[Any]) -> npt.NDArray[Any]:
    whole = all(isinstance(value, int) for value in values)
    return np.array(values, np.int64 if whole else np.float64)
