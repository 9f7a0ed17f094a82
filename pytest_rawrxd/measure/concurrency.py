"""The load test in process: N streams in a fresh engine, closed loop, every token's instant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.canary.in_process import EngineChoir
from pytest_rawrxd.measure.canary.song import Choir, Stage, canaries, measure_canaries
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.contention import CpuReader
from pytest_rawrxd.measure.contention import watch as contention
from pytest_rawrxd.measure.decode import describe_trouble, stamp_arrays
from pytest_rawrxd.measure.gpu import watched
from pytest_rawrxd.measure.levels import MAIN, Level
from pytest_rawrxd.measure.memory import MemoryReader
from pytest_rawrxd.measure.prompts import unique_prompts
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.rig.engine.log import trouble as troubled_lines
from pytest_rawrxd.rig.engine.protocol import (
    Engine,
    Generation,
    LoadOptions,
    Progress,
    ProgressListener,
    Request,
)
from pytest_rawrxd.rig.engine.reasons import NOT_ADMITTED
from pytest_rawrxd.rig.placement import Placement
from pytest_rawrxd.rig.process import processes
from pytest_rawrxd.rig.telemetry import Telemetry

RUN = "load.run"
IN_PROCESS = "in process"
LOAD = "load"
STAGES: Mapping[Stage, str] = MappingProxyType(
    {"reference": "after the main run", "solo": "after the main run", "together": "all streams at once"}
)
FASTEST_STREAM = 2000  #: tok/s: a run by time gets as many requests as a stream of this speed could answer

#: Starts a fresh engine that tells the listener about its progress.
OpenEngine = Callable[[ProgressListener], Engine]


@dataclass(frozen=True)
class LoadTerms:
    """How a level is measured in one process: all of ``requests``, or as many as fit into ``seconds``."""

    options: LoadOptions
    texts: Sequence[str]
    prompt_tokens: int
    tokens: int
    requests: int
    seconds: float | None  #: no request begins later; None: every request is answered
    level_seconds: float  #: length of a run by time
    load_deadline_s: float
    request_deadline_s: float
    cores: int
    seed: tuple[int, ...]  #: of the prompts: another one for each run
    placement: Placement | None = None  #: None on a CPU and for an engine without a file
    arrivals: str = "poisson"  #: of the open loop, over HTTP

    @property
    def run_deadline_s(self) -> float:
        """When a run is over at the latest: a request may take its whole deadline, and streams take turns."""
        if self.seconds is not None:
            return self.seconds + self.request_deadline_s
        return -(-self.requests // self.options.n_streams) * self.request_deadline_s


@dataclass
class MemoryTrace:
    """Resident memory of the engine process, read whenever the engine tells its progress."""

    reader: MemoryReader
    clock: Clock
    pid: int | None = None
    at_ns: list[int] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)

    def read(self, _progress: Progress | None = None) -> None:
        """Keep it as it is now; nothing for an engine without a process."""
        size = self.reader.resident_bytes(self.pid)
        if size is not None:
            self.at_ns.append(self.clock.monotonic_ns())
            self.resident.append(size)

    @property
    def newest(self) -> int | None:
        """The last value that was read."""
        return self.resident[-1] if self.resident else None

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """``memory_at_ns``, ``memory_resident`` (samples,)."""
        return {
            "memory_at_ns": np.array(self.at_ns, np.int64),
            "memory_resident": np.array(self.resident, np.int64),
        }


@dataclass(frozen=True)
class Observers:
    """What a run is watched with, and where it is kept."""

    sink: Sink
    cpu: CpuReader
    memory: MemoryReader
    own_pids: Sequence[int]
    clock: Clock
    telemetry: Telemetry | None = None  #: of the GPU under test
    begin: Callable[[], None] = lambda: None  #: called when all is loaded, before the load: lanes may meet here

    def watched(self, pids: Sequence[int], about: Mapping[str, Any]) -> AbstractContextManager[None]:
        """The GPU's readings while something is measured, recorded beside the run that ``about`` names."""
        named = {name: about[name] for name in ("variant", "streams", "part", "run", "beside")}
        return watched(self.telemetry, pids, self.clock, self.sink, {**named, "during": RUN})


def measure_level(
    open_engine: OpenEngine,
    model: Path,
    level: Level,
    about: Mapping[str, Any],
    terms: LoadTerms,
    *,
    watch: Observers,
) -> RigTrouble | None:
    """Start an engine, load ``model``, keep ``level.streams`` streams busy and record it with ``about``.

    Trouble of the engine is recorded as "trouble" and returned: a crash is a measurement and not the end of the run.
    """
    about = {**about, "target": IN_PROCESS, "part": level.part, "streams": level.streams, "tokens": terms.tokens}
    trace = MemoryTrace(watch.memory, watch.clock)
    began_ns = watch.clock.monotonic_ns()
    try:
        with open_engine(trace.read) as engine:
            with watch.watched(processes(engine.pid), about):
                data, arrays = _run(engine, model, terms, trace, watch)
            watch.sink.record(RUN, {**about, **data}, arrays)
            if sings(level, about):
                sing(EngineChoir(engine, terms.request_deadline_s), about, terms, watch.sink)
    except RigTrouble as trouble:
        elapsed = (watch.clock.monotonic_ns() - began_ns) / 1e9
        watch.sink.record("trouble", {**about, "during": RUN, "elapsed_s": elapsed, **describe_trouble(trouble)})
        return trouble
    return None


def sings(level: Level, about: Mapping[str, Any]) -> bool:
    """Whether a process is asked for canaries: the first one of the main run, on the engine under test."""
    return level.part == MAIN and about["run"] == 1 and about.get("beside") is None


def sing(choir: Choir, about: Mapping[str, Any], terms: LoadTerms, sink: Sink) -> None:
    """Ask for as many canaries as there are streams, alone, again alone, and all at once: every stream is busy then."""
    birds = canaries(terms.options.n_streams, terms.seed)
    said = {name: about[name] for name in ("variant", "streams", "run", "target")}
    for stage, when in STAGES.items():
        measure_canaries(choir, birds, during=LOAD, stage=stage, when=when, sink=sink, about=said)


def _run(
    engine: Engine, model: Path, terms: LoadTerms, trace: MemoryTrace, watch: Observers
) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Load, generate, and what a record says about it: data and arrays."""
    shared = watch.memory.shared_bytes()
    loaded = engine.load(model, terms.options, deadline_s=terms.load_deadline_s)
    trace.pid = engine.pid
    spilled = watch.memory.shared_bytes()
    requests = _requests(engine, terms)
    trace.read()
    pids = [*watch.own_pids, *processes(engine.pid)]
    observed = contention(watch.cpu, pids, terms.cores, watch.clock.monotonic_ns)
    watch.begin()
    answered = engine.generate(requests, deadline_s=terms.run_deadline_s, admit_for_s=terms.seconds)
    host = observed()
    trace.read()
    taken = [generation for generation in answered if generation.finish_reason != NOT_ADMITTED]
    reasons = sorted({generation.finish_reason for generation in taken})
    data = {
        "requests": len(taken),
        "planned": {"requests": terms.requests, "seconds": terms.seconds},
        "finish_reasons": reasons,
        "engine": asdict(engine.info),
        "options": asdict(terms.options),
        "load": asdict(loaded),
        "placement": asdict(terms.placement) if terms.placement else None,
        "cost": _cost(engine),
        "memory": {
            "resident_bytes": trace.newest,
            "shared_growth_bytes": None if shared is None or spilled is None else spilled - shared,
            "shared_source": watch.memory.shared_source,
        },
        "devices": {
            "before": [asdict(device) for device in loaded.devices],
            "after": [asdict(device) for device in engine.devices()],
        },
        "host": asdict(host),
        "log": list(troubled_lines(engine.log)),
    }
    return data, {**load_arrays(taken, reasons), **trace.arrays()}


def _requests(engine: Engine, terms: LoadTerms) -> list[Request]:
    prompts = unique_prompts(
        [engine.tokenize(text) for text in terms.texts],
        count=terms.requests,
        length=terms.prompt_tokens,
        seed=terms.seed,
    )
    return [
        Request(prompt, terms.tokens, id=str(number), timeout_s=terms.request_deadline_s)
        for number, prompt in enumerate(prompts)
    ]


def requests_for(seconds: float, *, streams: int, tokens: int) -> int:
    """How many requests keep ``streams`` streams busy for ``seconds``, whatever the engine."""
    return streams * max(2, -(-round(seconds * FASTEST_STREAM) // tokens))


def load_arrays(generations: Sequence[Generation], reasons: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of ``decode.stamp_arrays`` with, per request (k,): ``prompt_tokens``, ``ended_ns``, ``finish``.

    ``ended_ns`` is the last token's instant, that of the submission without one; ``finish`` counts into ``reasons``.
    """
    return {
        **stamp_arrays(generations),
        "prompt_tokens": np.array([generation.prompt_tokens for generation in generations], np.int32),
        "ended_ns": np.array(
            [int(g.stamps_ns[-1]) if g.stamps_ns.size else g.submitted_ns for g in generations], np.int64
        ),
        "finish": np.array([reasons.index(generation.finish_reason) for generation in generations], np.int32),
    }


def _cost(engine: Engine) -> dict[str, Any] | None:
    cost = engine.cost
    return None if cost is None else {**asdict(cost), "overhead_us_per_step": cost.overhead_us_per_step}
