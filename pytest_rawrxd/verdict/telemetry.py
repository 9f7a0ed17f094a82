"""What the GPU did while one process was measured: the readings that lie inside its loaded time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.cards import around
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.concurrency import RUN as LOAD
from pytest_rawrxd.measure.gpu import SAMPLES, instants_of
from pytest_rawrxd.measure.served import HTTP
from pytest_rawrxd.rig.telemetry import SIGNALS
from pytest_rawrxd.rig.telemetry.clocks import THROTTLED
from pytest_rawrxd.rig.telemetry.opened import stillness
from pytest_rawrxd.verdict.decoding import DecodeProcess
from pytest_rawrxd.verdict.load_run import LoadRun, Recorded
from pytest_rawrxd.verdict.memory import used_bytes
from pytest_rawrxd.verdict.outcome import Finding
from pytest_rawrxd.verdict.sample import Floats, Integers
from pytest_rawrxd.verdict.throttle import throttled

MEMORY = "memory_used_bytes"
TENTHS = 10  #: time blocks of a run whose clocks are compared


@dataclass(frozen=True, eq=False)
class LoadedSamples:
    """Readings between the first submission and the last token of one process, each column in its unit.

    ``columns`` are (m,), ``instants`` of the same name (m,): a reading may lack a column.
    """

    source: Record
    columns: Mapping[str, Floats]
    instants: Mapping[str, Integers]
    distrusted: Mapping[str, str]
    began_ns: int
    ended_ns: int

    def column(self, name: str) -> Floats | None:
        """None where the GPU does not have this reading, none of it is loaded time, or it is not believed."""
        values = self.columns.get(name)
        return values if values is not None and values.size and name not in self.distrusted else None

    def why_absent(self, name: str) -> str:
        """Why ``column`` is None."""
        data = self.source.data
        said = data["absent"].get(name) or self.distrusted.get(name) or data["problem"]
        return str(said or "readings are missing in the measured time")

    def part(self, name: str, count: int) -> Integers:
        """For each reading of a column in which of ``count`` equal parts of the loaded time it lies, from 0."""
        share = (self.instants[name] - self.began_ns) / max(self.ended_ns - self.began_ns, 1)
        return np.minimum(share * count, count - 1).astype(np.int64)


def loaded_samples(evidence: Evidence, process: DecodeProcess) -> LoadedSamples | None:
    """The readings of one process; None where its GPU was not sampled.

    Engine and suite read the same clock, so that instants compare.
    """
    run = process.record
    about = {name: run.data[name] for name in ("variant", "tokens", "process")}
    return _samples(evidence, run, {**about, "during": run.kind}, process.window_ns)


def samples_under_load(evidence: Evidence, run: LoadRun) -> LoadedSamples | None:
    """The readings of one run of the load test while every stream was busy; None where its GPU was not sampled."""
    if run.window is None:
        return None
    about = {name: run.data.get(name) for name in ("variant", "streams", "part", "run", "beside")}
    return _samples(evidence, run.record, {**about, "during": LOAD}, (run.window.begin_ns, run.window.end_ns))


def _samples(
    evidence: Evidence, run: Recorded, about: Mapping[str, object], window_ns: tuple[int, int]
) -> LoadedSamples | None:
    found = [each for each in around(evidence, run.data).of(SAMPLES, **about) if each.session == run.session]
    if not found:
        return None
    arrays = evidence.raw(found[-1].data["raw"])
    began, ended = window_ns
    columns: dict[str, Floats] = {}
    instants: dict[str, Integers] = {}
    for name in SIGNALS.keys() & arrays.keys():
        at = arrays.get(instants_of(name), arrays["at_ns"]).astype(np.int64)
        loaded = (at >= began) & (at <= ended)
        columns[name], instants[name] = arrays[name][loaded].astype(np.float64), at[loaded]
    return LoadedSamples(found[-1], columns, instants, _distrusted(run, arrays), began, ended)


def _distrusted(run: Recorded, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, str]:
    """A counter of memory that did not move while the model was loaded. Around a server, reading began after that."""
    counter = arrays.get(MEMORY)
    loaded = used_bytes(run.data) if run.data["engine"]["backend"] != "cpu" else None
    if counter is None or not counter.size or loaded is None or run.data.get("target") == HTTP:
        return {}
    why = stillness(int(counter[0]), int(counter.max()), loaded)
    return {} if why is None else {MEMORY: why}


def throttling(evidence: Evidence, process: DecodeProcess) -> Finding | None:
    """INVALID when the GPU throttled during ``process``, None when nothing says so."""
    return _throttled(evidence, loaded_samples(evidence, process), process.request_tps)


def throttling_under_load(evidence: Evidence, run: LoadRun) -> Finding | None:
    """INVALID when the GPU throttled during a run of the load test, None when nothing says so."""
    lengths = np.diff(run.offsets)
    taken = run.ended_ns - run.submitted_ns
    rates = lengths[taken > 0] / (taken[taken > 0] / 1e9)
    return _throttled(evidence, samples_under_load(evidence, run), rates)


def _throttled(evidence: Evidence, samples: LoadedSamples | None, rates: Floats) -> Finding | None:
    gates = evidence.campaign.profile.gates
    if samples is None:
        return None
    reasons = samples.column("clock_reasons")
    return throttled(
        hard=None if reasons is None else (reasons.astype(np.int64) & THROTTLED) != 0,
        clock_mhz=samples.column("core_clock_mhz"),
        block=samples.part("core_clock_mhz", TENTHS) if "core_clock_mhz" in samples.columns else None,
        rates=rates,
        most_hard_share=gates.throttle_share_max.to("ratio"),
        least_clock=gates.clock_median_min.to("ratio"),
        most_slowdown=gates.throttle_slowdown_max.to("ratio"),
    )


def energy_per_token_j(evidence: Evidence, process: DecodeProcess) -> float | None:
    """Joules of the whole GPU for each token of one process, prefill included.

    The energy counter between first and last reading gives the mean power of the loaded time. None without the counter
    or with fewer than two readings.
    """
    return _joules_per_token(loaded_samples(evidence, process), int(process.received.sum()))


def energy_under_load_j(evidence: Evidence, run: LoadRun) -> float | None:
    """Joules of the whole GPU for each token of all streams while every stream was busy, as `energy_per_token_j`."""
    if run.window is None:
        return None
    received = int(np.count_nonzero((run.stamps_ns > run.window.begin_ns) & (run.stamps_ns <= run.window.end_ns)))
    return _joules_per_token(samples_under_load(evidence, run), received)


def _joules_per_token(samples: LoadedSamples | None, tokens: int) -> float | None:
    energy = samples.column("energy_mj") if samples is not None else None
    if samples is None or energy is None or energy.size < 2 or not tokens:
        return None
    at = samples.instants["energy_mj"]
    watts = float(energy[-1] - energy[0]) / 1e3 / (float(at[-1] - at[0]) / 1e9)
    return watts * (samples.ended_ns - samples.began_ns) / 1e9 / tokens


def block_means(samples: LoadedSamples, name: str, *, block_s: float) -> Floats | None:
    """Means of one reading over each whole block of loaded time, or over all of it where it is shorter than one.

    None where the GPU does not have this reading, or a block has none of it: what nobody saw is not kept either.
    """
    values = samples.column(name)
    if values is None:
        return None
    whole = int((samples.ended_ns - samples.began_ns) / 1e9 / block_s)
    if whole == 0:
        return np.array([values.mean()])
    block = ((samples.instants[name] - samples.began_ns) / 1e9 / block_s).astype(np.int64)
    inside = [values[block == one] for one in range(whole)]
    return np.array([each.mean() for each in inside]) if all(each.size for each in inside) else None
