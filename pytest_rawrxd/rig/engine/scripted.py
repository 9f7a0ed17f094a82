"""The declared scripted engine: real scheduling, invented time. Nothing from it is a measurement, and its info says so.

It runs the same batching loop as llama.cpp does here, on a clock that moves only when a step is decoded. What a scene
does wrong is known, seeded and the same on every machine.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn, Self

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EngineCrashed, EngineHung, RawrxdError, RigTrouble, UsageProblem
from pytest_rawrxd.rig.engine.decode import decode_all
from pytest_rawrxd.rig.engine.protocol import (
    Device,
    EngineInfo,
    Generation,
    LoadOptions,
    LoadReport,
    ProgressListener,
    Request,
    RunCost,
    TokenIds,
)
from pytest_rawrxd.rig.engine.scenes import Scene
from pytest_rawrxd.rig.engine.work import (
    Outcome,
    ScoreWork,
    Work,
    generations_from_outcome,
    offsets_of,
    work_from_requests,
)
from pytest_rawrxd.rig.models.quality import Scores

VOCABULARY = 256  #: a token is a byte of the text
LAYERS = 33
WEIGHTS = 4_000_000_000
TOTAL_MEMORY = 16_000_000_000
FULL_CLOCK_MHZ = 2400.0


@dataclass(frozen=True)
class ScriptedSample:
    """What a GPU probe would read at one virtual instant."""

    at_ns: int
    memory_used: int
    clock_mhz: float
    throttled: bool


class ScriptedLlama:
    """The engine's side: load, decode and devices in virtual time. ``fault`` is called where the scene breaks."""

    def __init__(self, scene: Scene, *, seed: int, fault: Callable[[str], NoReturn]) -> None:
        self.scene = scene
        self.now_ns = 0
        self._random = np.random.default_rng([seed, zlib.crc32(scene.name.encode())])
        self._fault = fault
        self._options = LoadOptions(n_ctx=0)
        self.info = EngineInfo(
            name="scripted engine",
            version="1",
            binding="",
            backend="scripted",
            device=f"scene {scene.name}",
            library_sha256="",
            details={"scene": scene.name, "truth": scene.truth, "seed": seed},
        )

    def load(self, model: Path, options: LoadOptions) -> LoadReport:  # noqa: ARG002  # no model is needed
        self._options = options
        self.now_ns += 1_000_000_000
        return LoadReport(
            load_s=1.0,
            warm_up_s=0.0,
            layers_total=LAYERS,
            layers_offloaded=min(options.n_gpu_layers, LAYERS),
            buffers=({"device": "Scripted0", "kind": "model", "bytes": WEIGHTS},),
            n_ctx=options.n_ctx,
            log=(),
            sampling="in-graph",
            devices=self.devices(),
        )

    def tokenize(self, text: str) -> list[int]:
        return list(text.encode())

    def devices(self) -> tuple[Device, ...]:
        used = self.sample(self.now_ns).memory_used
        return (Device("Scripted0", self.info.device, "gpu", "scripted", TOTAL_MEMORY - used, TOTAL_MEMORY),)

    def sample(self, at_ns: int) -> ScriptedSample:
        """Memory and clock at a virtual instant, past or future."""
        scene, hours = self.scene, at_ns / 3.6e12
        throttled = scene.throttle_after_s is not None and at_ns >= scene.throttle_after_s * 1e9
        clock = FULL_CLOCK_MHZ * (scene.throttle_to if throttled else 1.0)
        return ScriptedSample(at_ns, WEIGHTS + round(scene.leak_mb_per_h * 1e6 * hours), clock, throttled)

    def decode(self, work: Work, listener: ProgressListener) -> Outcome:
        rows = _ScriptedRows(self._options, self._step)
        self._pace = max(0.1, 1 + self.scene.run_spread * self._random.standard_normal())
        self._steps = 0
        return _spoiled(decode_all(rows, work, clock=lambda: self.now_ns, listener=listener), self.scene)

    def score(self, work: ScoreWork, listener: ProgressListener) -> Scores:  # noqa: ARG002  # as any engine is asked
        raise RigTrouble("a scripted engine has no logits to score", where=self.info.device)

    def abort(self) -> None:
        """Nothing to stop: a call takes no time."""

    def close(self) -> None:
        """Nothing to free."""

    def _step(self, streams: int, prompt_tokens: int) -> None:
        scene = self.scene
        self._steps += 1
        if scene.fault and self._steps > scene.fault_after_steps:
            self._fault(scene.fault)
        milliseconds = scene.step_ms * (1 + scene.per_stream * max(0, streams - 1)) + scene.prompt_ms * prompt_tokens
        milliseconds *= self._pace / (self.sample(self.now_ns).clock_mhz / FULL_CLOCK_MHZ)
        if scene.jitter:
            milliseconds *= self._random.gamma(scene.jitter**-2, scene.jitter**2)
        ends_ns = self.now_ns + round(milliseconds * 1e6)
        if scene.stall_every_s:
            period = round(scene.stall_every_s * 1e9)
            ends_ns += (ends_ns // period - self.now_ns // period) * round(scene.stall_s * 1e9)
        self.now_ns = ends_ns


class _ScriptedRows:
    """A batch whose next token is a function of the last token and its position."""

    def __init__(self, options: LoadOptions, step: Callable[[int, int], None]) -> None:
        self.n_streams, self.n_vocab, self.n_ctx = options.n_streams, VOCABULARY, options.n_ctx
        self.rows = options.n_streams + options.prefill_chunk
        self.token, self.position = np.zeros(self.rows, np.int32), np.zeros(self.rows, np.int32)
        self.wanted = np.zeros(self.rows, np.int8)
        self.stream_of_row = np.zeros(self.rows, np.uintp)
        self.stream_at = np.arange(self.n_streams, dtype=np.uintp)
        self._step = step

    def forward(self, rows: int, /) -> int:
        wanted = int(self.wanted[:rows].sum())
        self._step(wanted, rows - wanted)
        return 0

    def pick(self, rows: range | list[int], into: npt.NDArray[np.intp], /) -> None:
        places = np.asarray(rows, np.intp)
        into[:] = (31 * self.token[places] + 17 * self.position[places] + 7) % VOCABULARY

    def release(self, stream: int) -> None:
        """No cells to give back."""

    def clear(self) -> None:
        """No cells to give back."""

    def stopped(self) -> bool:
        return False


def _spoiled(outcome: Outcome, scene: Scene) -> Outcome:
    """The outcome as an engine with the scene's fault would have sent it."""
    tokens, stamps, offsets, reasons = outcome.token_ids, outcome.stamps_ns, outcome.offsets, outcome.reasons
    lengths = np.diff(offsets)
    place = np.arange(len(tokens)) - np.repeat(offsets[:-1], lengths)
    if scene.wrong_at is not None:
        tokens = np.where(place == scene.wrong_at, (tokens + 1) % VOCABULARY, tokens).astype(np.int32)
    if scene.tokens_per_chunk > 1:
        chunk_end = place - place % scene.tokens_per_chunk + scene.tokens_per_chunk - 1
        chunk_end = np.minimum(chunk_end, np.repeat(lengths, lengths) - 1)
        stamps = stamps[np.repeat(offsets[:-1], lengths) + chunk_end]
    if scene.stop_share is not None:
        shorter = np.maximum(1, (lengths * scene.stop_share).astype(np.int64))
        kept = place < np.repeat(shorter, lengths)
        tokens, stamps, offsets = tokens[kept], stamps[kept], offsets_of(shorter)
        reasons = tuple("stop" if reason == "length" else reason for reason in reasons)
    return replace(outcome, token_ids=tokens, stamps_ns=stamps, offsets=offsets, reasons=reasons)


class ScriptedEngine:
    """A scripted engine in this process, behind the Engine protocol. ``now_ns`` is its own clock."""

    pid: int | None = None
    log: tuple[str, ...] = ()

    def __init__(self, scene: Scene, *, seed: int, on_progress: ProgressListener | None = None) -> None:
        self._llama = ScriptedLlama(scene, seed=seed, fault=self._break)
        self._on_progress: ProgressListener = on_progress or (lambda _: None)
        self._ended: RawrxdError | None = UsageProblem("the engine has no model", possible="load() first")
        self._deadline_s = 0.0
        self.cost: RunCost | None = None

    @property
    def info(self) -> EngineInfo:
        return self._llama.info

    @property
    def now_ns(self) -> int:
        """The virtual instant: a call of ``generate`` or ``advance`` moves it, nothing else."""
        return self._llama.now_ns

    def advance(self, seconds: float) -> None:
        """Let virtual time pass with an idle engine."""
        self._llama.now_ns += round(seconds * 1e9)

    def sample(self, at_ns: int) -> ScriptedSample:
        """What a GPU probe would read at a virtual instant, past or future."""
        return self._llama.sample(at_ns)

    def load(self, model: Path, options: LoadOptions, *, deadline_s: float) -> LoadReport:  # noqa: ARG002
        self._ended = None
        return self._llama.load(model, options)

    def tokenize(self, text: str, *, deadline_s: float = 30.0) -> list[int]:  # noqa: ARG002
        return self._llama.tokenize(text)

    def devices(self, *, deadline_s: float = 30.0) -> tuple[Device, ...]:  # noqa: ARG002
        return self._llama.devices()

    def generate(
        self,
        requests: Sequence[Request],
        *,
        deadline_s: float,
        lock_step: bool = False,
        admit_for_s: float | None = None,
    ) -> list[Generation]:
        """As the protocol says, in virtual time: the deadline too."""
        if self._ended is not None:
            raise self._ended
        self._deadline_s = deadline_s
        began = self.now_ns
        outcome = self._llama.decode(
            work_from_requests(requests, lock_step=lock_step, admit_for_s=admit_for_s), self._on_progress
        )
        if self.now_ns - began > deadline_s * 1e9:
            self._break("hang")
        self.cost = outcome.cost
        return generations_from_outcome(outcome, requests)

    def score(
        self,
        chunks: TokenIds,
        *,
        keep: Path | None = None,
        against: Path | None = None,
        deadline_s: float,  # noqa: ARG002
    ) -> Scores:
        return self._llama.score(ScoreWork(chunks, keep, against), self._on_progress)

    def close(self) -> None:
        self._ended = UsageProblem("the engine is closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _break(self, fault: str) -> NoReturn:
        where = self.info.device
        if fault == "hang":
            self.advance(self._deadline_s)
            self._ended = EngineHung(
                "the engine missed its deadline", where=where, found=f"no result after {self._deadline_s:.1f} s"
            )
        else:
            self._ended = EngineCrashed("the engine process ended", where=where, found="scripted crash")
        raise self._ended
