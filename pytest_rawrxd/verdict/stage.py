"""The stage of the self-check: one fresh process of a scene, measured as a session measures one, kept in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.decode import Cell, Conditions, measure_cell
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.engine.scenes import Scene
from pytest_rawrxd.rig.engine.scripted import ScriptedEngine, ScriptedSample
from pytest_rawrxd.verdict.decoding import split, steady_gaps


class Played:
    """A sink that keeps one process in memory."""

    def __init__(self) -> None:
        self.kind = ""
        self.data: dict[str, Any] = {}
        self.arrays: dict[str, npt.NDArray[Any]] = {}

    def record(self, kind: str, data: dict[str, Any], arrays: dict[str, npt.NDArray[Any]] | None = None) -> str:
        self.kind, self.data, self.arrays = kind, data, arrays or {}
        return kind


class _Quiet:
    """A machine on which nothing else runs and no memory is read."""

    shared_source = "not read: nothing is planted there"

    def busy_s(self) -> float:
        return 0.0

    def own_s(self, pids: Sequence[int]) -> float:  # noqa: ARG002  # of the protocol
        return 0.0

    def resident_bytes(self, pid: int | None) -> int | None:  # noqa: ARG002  # of the protocol
        return None

    def shared_bytes(self) -> int | None:
        return None


def play(scene: Scene, *, tokens: int = 64, requests: int = 4, process: int = 0) -> tuple[Played, ScriptedEngine]:
    """Measure one fresh process of ``scene`` as a session measures one, on the engine's own clock."""
    kept = Played()
    engine = ScriptedEngine(scene, seed=process)
    with engine:
        measure_cell(
            engine,
            Path(scene.name),
            Cell(scene.name, tokens),
            process,
            Conditions(
                options=LoadOptions(n_ctx=tokens + 16, prefill_chunk=16),
                prompts=("planted",),
                prompt_tokens=8,
                min_requests=requests,
                min_seconds=0.0,
                load_deadline_s=60.0,
                request_deadline_s=600.0,
                cores=1,
            ),
            model_sha256=None,
            sink=kept,
            cpu=_Quiet(),
            memory=_Quiet(),
            own_pids=(),
            clock=Clock(lambda: engine.now_ns, lambda: datetime.now(UTC), lambda _: None),
        )
    return kept, engine


def decode_rate(kept: Played) -> tuple[float, int]:
    """Tokens per second of one process and its raw duration in ns, as the judge computes them."""
    requests = split(kept.arrays["stamps_ns"], kept.arrays["offsets"], where="self-check")
    gaps = steady_gaps(requests, kept.data["prompt_tokens"])[1]
    return gaps.size / (float(gaps.sum()) / 1e9), int(gaps.sum())


def samples(engine: ScriptedEngine, seconds: npt.NDArray[np.float64]) -> list[ScriptedSample]:
    return [engine.sample(round(second * 1e9)) for second in seconds]
