"""Did others use the card while an engine was measured? Their processes say so, and memory that is not the engine's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.cards import around
from pytest_rawrxd.measure.gpu import PROCESS, SAMPLES
from pytest_rawrxd.verdict import checks
from pytest_rawrxd.verdict.sample import Floats
from pytest_rawrxd.verdict.telemetry import MEMORY, LoadedSamples
from pytest_rawrxd.verdict.validity import Violation

OTHERS = "foreign_processes"


def company(evidence: Evidence, samples: LoadedSamples | None) -> Iterator[Violation]:
    """The violations of V-GPU that the readings of one run show.

    Memory of others is what the device holds less what the engine's processes hold. Its highest reading is held against
    its lowest and against what it was at the end of every other run of the session: who came between two runs and
    stayed moves nothing within one. Where nobody says what the engine's processes hold, memory that moves may be its
    own, which ``vram_delta`` judges.
    """
    if samples is None:
        return
    yield from _computing(samples.columns.get(OTHERS, np.array([])))
    used, engine = samples.column(MEMORY), samples.source.data.get("process_bytes")
    if used is None or engine is None:
        return
    others = used - _held(samples, engine)
    yield from _moved(float(others.max()) - min(float(others.min()), _quietest(evidence, samples)))


def company_in_soak(signal: Callable[[str], Floats], held: npt.NDArray[np.bool_]) -> Iterator[Violation]:
    """The same of a soak: ``signal`` gives the (n,) readings of a name, NaN where there is none; those ``held`` count.

    Memory is held from one reading to the next: what leaks slowly without a process is the drift's to judge.
    """
    processes, others = signal(OTHERS)[held], (signal(MEMORY) - signal(PROCESS))[held]
    yield from _computing(processes[~np.isnan(processes)])
    steps = np.abs(np.diff(others[~np.isnan(others)]))
    yield from _moved(float(steps.max(initial=0.0)))


def _computing(processes: Floats) -> Iterator[Violation]:
    if (told := checks.device_company(int(processes.max(initial=0.0)))) is not None:
        yield told


def _moved(moved_bytes: float) -> Iterator[Violation]:
    if (told := checks.memory_of_others(moved_bytes)) is not None:
        yield told


def _held(samples: LoadedSamples, at_the_end: int) -> Floats:
    """Memory of the engine's processes at each reading of the device's memory, in bytes.

    Recordings before this rule know it at the last reading alone.
    """
    known = samples.column(PROCESS)
    if known is None:
        return np.full(samples.instants[MEMORY].size, float(at_the_end))
    return np.interp(samples.instants[MEMORY], samples.instants[PROCESS], known)


def _quietest(evidence: Evidence, samples: LoadedSamples) -> float:
    """The least memory of others, in bytes, at the last reading of any run of this session on this card."""
    source = samples.source
    mine = around(evidence, source.data)

    def least() -> float:
        left = []
        for record in mine.of(SAMPLES):
            engine, used = record.data.get("process_bytes"), evidence.raw(record.data["raw"]).get(MEMORY)
            if record.session == source.session and engine is not None and used is not None and used.size:
                left.append(float(used[-1]) - float(engine))
        return min(left)

    return mine.once(("quietest", source.session), least)
