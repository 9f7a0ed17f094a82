"""Single-stream decoding: one fresh process, one cell of the performance matrix, every token's instant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.contention import CpuReader, watch
from pytest_rawrxd.measure.memory import MemoryReader
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.rig.engine.protocol import Engine, Generation, LoadOptions, Request
from pytest_rawrxd.rig.placement import Placement

RUN = "decode.run"  #: a process of the matrix
REFERENCE = "decode.reference"  #: the same cell on the CPU, beside a GPU
SUSTAINED = "bandwidth.run"  #: the sustained bandwidth test


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix: a variant and a generation length in tokens. ``kind`` is the record it becomes."""

    variant: str
    tokens: int
    kind: str = RUN


@dataclass(frozen=True)
class Conditions:
    """How a cell is measured in one process: at least ``min_requests`` and at least ``min_seconds``."""

    options: LoadOptions
    prompts: Sequence[str]
    prompt_tokens: int
    min_requests: int
    min_seconds: float
    load_deadline_s: float
    request_deadline_s: float
    cores: int
    placement: Placement | None = None  #: None on a CPU and for an engine without a file


def measure_cell(
    engine: Engine,
    model: Path,
    cell: Cell,
    process: int,
    conditions: Conditions,
    *,
    model_sha256: str | None,
    sink: Sink,
    cpu: CpuReader,
    memory: MemoryReader,
    own_pids: Sequence[int],
    clock: Clock,
    on_request: Callable[[int, float], None] = lambda _requests, _seconds: None,
) -> RigTrouble | None:
    """Load ``model`` into ``engine``, generate until the conditions are met, and record it.

    Trouble of the engine is recorded as "trouble", with what was generated until then, and returned: a crash is a
    measurement and not the end of the run.
    """
    done: list[Generation] = []
    about = {"variant": cell.variant, "tokens": cell.tokens, "process": process}
    try:
        shared = memory.shared_bytes()
        loaded = engine.load(model, conditions.options, deadline_s=conditions.load_deadline_s)
        spilled = memory.shared_bytes()
        pids = [*own_pids, *([engine.pid] if engine.pid else [])]
        observed = watch(cpu, pids, conditions.cores, clock.monotonic_ns)
        for generation in _generate(engine, cell, conditions):
            done.append(generation)
            on_request(len(done), (generation.stamps_ns[-1] - done[0].submitted_ns) / 1e9)
        host, resident = observed(), memory.resident_bytes(engine.pid)
    except RigTrouble as trouble:
        sink.record("trouble", {**about, "during": cell.kind, **describe_trouble(trouble)}, stamp_arrays(done))
        return trouble
    sink.record(
        cell.kind,
        {
            **about,
            "model_sha256": model_sha256,
            "requests": len(done),
            "finish_reasons": sorted({generation.finish_reason for generation in done}),
            "prompt_tokens": [generation.prompt_tokens for generation in done],
            "engine": asdict(engine.info),
            "options": asdict(conditions.options),
            "load": asdict(loaded),
            "placement": asdict(conditions.placement) if conditions.placement else None,
            "memory": {
                "resident_bytes": resident,
                "shared_growth_bytes": None if shared is None or spilled is None else spilled - shared,
                "shared_source": memory.shared_source,
            },
            "host": asdict(host),
        },
        stamp_arrays(done),
    )
    return None


def _generate(engine: Engine, cell: Cell, conditions: Conditions) -> Iterator[Generation]:
    prompts = cycle(conditions.prompts)
    count, began_ns, ended_ns = 0, 0, 0
    # The engine's own instants count, so that a scripted engine's virtual seconds are seconds.
    while count < conditions.min_requests or (ended_ns - began_ns) / 1e9 < conditions.min_seconds:
        text = engine.tokenize(next(prompts))
        tokens = (text * (1 + conditions.prompt_tokens // len(text)))[: conditions.prompt_tokens]
        request = Request(prompt=tokens, max_tokens=cell.tokens, id=str(count))
        generation = engine.generate([request], deadline_s=conditions.request_deadline_s)[0]
        if generation.finish_reason.startswith("error") or generation.stamps_ns.size == 0:
            raise RigTrouble(
                "the engine answered a request with an error",
                where=f"{cell.variant}, request {count}",
                found=generation.finish_reason,
            )
        yield generation
        began_ns = began_ns if count else generation.submitted_ns
        ended_ns = int(generation.stamps_ns[-1])
        count += 1


def stamp_arrays(generations: Sequence[Generation]) -> dict[str, npt.NDArray[Any]]:
    """Generations as flat arrays: submitted_ns (k,), offsets (k+1,), stamps_ns (total,), token_ids (total,)."""
    lengths = [generation.stamps_ns.size for generation in generations]
    return {
        "submitted_ns": np.array([generation.submitted_ns for generation in generations], dtype=np.int64),
        "offsets": np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
        "stamps_ns": np.concatenate([np.empty(0, np.int64), *(generation.stamps_ns for generation in generations)]),
        "token_ids": np.concatenate([np.empty(0, np.int32), *(generation.token_ids for generation in generations)]),
    }


def describe_trouble(trouble: RigTrouble) -> dict[str, Any]:
    """What went wrong, in plain values: type, what, where, found, possible, log_tail."""
    return {
        "type": type(trouble).__name__,
        "what": trouble.what,
        "where": trouble.where,
        "found": trouble.found,
        "possible": trouble.possible,
        "log_tail": list(trouble.log_tail),
    }
