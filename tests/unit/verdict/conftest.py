"""Campaigns on disk, written as the bench writes them: what an answer reads is what a run leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes.scripted_run import Scripted

from pytest_rawrxd.evidence.campaign import Evidence, open_campaign
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.evidence.ledger import LedgerWriter
from pytest_rawrxd.evidence.recorder import Recorder
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.sink import OfCard, Sink
from pytest_rawrxd.profile import Profile, load_profile
from pytest_rawrxd.verdict.outcome import Finding
from pytest_rawrxd.verdict.rulebook import RULES

STILL = Clock(monotonic_ns=lambda: 7, wall=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), sleep=lambda _: None)
VARIANTS = ("Q2_K", "Q4_K", "Q5_K_M", "Q6_K", "Q8_0", "Hybrid")
#: tok/s and bytes per token of a machine that reads 450 GB/s while decoding
BYTES = {"Q2_K": 2.9e9, "Q4_K": 4.6e9, "Q5_K_M": 5.4e9, "Q6_K": 6.3e9, "Q8_0": 8.1e9, "Hybrid": 3.4e9}
SPEED = {variant: 450e9 / size for variant, size in BYTES.items()}
HYBRID_TENSORS = {
    "token_embd.weight": "Q6_K",
    "blk.0.attn_norm.weight": "F32",
    "blk.0.attn_q.weight": "Q5_K",
    "blk.0.attn_k.weight": "Q5_K",
    "blk.0.attn_v.weight": "Q6_K",
    "blk.0.attn_output.weight": "Q5_K",
    "blk.0.ffn_up.weight": "Q2_K",
    "blk.0.ffn_gate.weight": "Q2_K",
    "blk.0.ffn_down.weight": "Q2_K",
}


class Book:
    """One run directory that is being written; a new session with ``session``."""

    def __init__(self, path: Path, profile: Profile, backend: str) -> None:
        self.path, self.profile, self.backend = path, profile, backend
        self._stack = ExitStack()
        engine = {"name": "llama.cpp", "version": "1", "backend": backend, "device": "a device"}
        models = {variant: f"sha of {variant}" for variant in VARIANTS}
        self.campaign = open_campaign(path, Identity(profile.digest, models, engine, None, {}), profile, STILL)
        self._random = np.random.default_rng(5)
        self.session("s001")

    def session(self, name: str) -> None:
        self._stack.close()
        ledger = LedgerWriter(
            self.path / "ledger",
            session=name,
            worker="main",
            identity=self.campaign.identity.digest,
            clock=STILL,
        )
        self._recorder: Sink = Recorder(self.path, name, "main", self._stack.enter_context(ledger))

    @contextmanager
    def on(self, device: str) -> Iterator[None]:
        """What is recorded inside is about this card, as the lane of a card records it."""
        plain, self._recorder = self._recorder, OfCard(self._recorder, device)
        yield
        self._recorder = plain

    def record(self, kind: str, arrays: Any = None, **data: Any) -> str:
        return self._recorder.record(kind, data, arrays)

    def machine(self, *, device: float | None = 560e9) -> None:
        bandwidth = None if device is None else {"bytes_per_s": device}
        self.record(
            "machine",
            read_bandwidth={"bytes_per_s": 60e9},
            device_bandwidth=bandwidth,
            llc_bytes=32 << 20,
            gpus=[{"name": "a card"}],
        )

    def model(self, variant: str, **changes: Any) -> None:
        size = int(BYTES[variant])
        data = {
            "variant": variant,
            "weight_bytes": size,
            "weight_bytes_per_token": size,
            "tensors": HYBRID_TENSORS if variant == "Hybrid" else {},
            "fallback_tensors": 0,
        }
        self.record("model", **{**data, **changes})

    def run(self, variant: str = "Q4_K", tps: float = 80.0, process: int = 1, **changes: Any) -> str:
        """One process of three requests; ``pause_s`` lies between the second and the third."""
        tokens, kind = changes.pop("tokens", 256), changes.pop("kind", "decode.run")
        pause_ns, spread = round(changes.pop("pause_s", 0.0) * 1e9), changes.pop("spread", 1e-3)
        backend = changes.pop("backend", self.backend)
        gaps = self._random.normal(1e9 / tps, 1e9 / tps * 0.01, (3, tokens))
        gaps *= (1e9 / tps) / gaps[1:, 1:].mean() * self._random.normal(1, spread)
        gaps[2, 0] += pause_ns
        stamps = np.cumsum(gaps.ravel()).astype(np.int64)
        layers = changes.pop("layers", 33)
        buffers = changes.pop("buffers", [("Vulkan0", "model", int(BYTES[variant])), ("CPU_Mapped", "model", 10**9)])
        data = {
            "variant": variant,
            "tokens": tokens,
            "process": process,
            "model_sha256": f"sha of {variant}",
            "requests": 3,
            "finish_reasons": ["length"],
            "prompt_tokens": [64] * 3,
            "engine": {"backend": backend, "device": "a device"},
            "load": {
                "layers_offloaded": layers,
                "layers_total": 33,
                "buffers": [dict(zip(("device", "kind", "bytes"), each, strict=True)) for each in buffers],
            },
            "placement": changes.pop("placement", None),
            "memory": {"resident_bytes": 5 * 10**9, "shared_growth_bytes": None, "shared_source": "no GPU"},
            "host": {"foreign_share": 0.01},
        }
        data["memory"] |= changes.pop("memory", {})
        arrays = {
            "submitted_ns": np.array([0, stamps[tokens - 1], stamps[2 * tokens - 1]]),
            "offsets": np.arange(4) * tokens,
            "stamps_ns": stamps,
            "token_ids": np.zeros(3 * tokens, np.int32),
        }
        return self._recorder.record(kind, {**data, **changes}, arrays)

    def samples(self, variant: str = "Q4_K", process: int = 1, *, seconds: float, **columns: Any) -> str:
        """Readings of the GPU from the first submission on: a column is one value, or values spread over the time.

        ``empty_bytes`` is what the device held at a reading before the load.
        """
        data = {"tokens": 256, "during": columns.pop("during", "decode.run"), "source": "NVML", "beat_s": 0.1}
        empty = columns.pop("empty_bytes", None)
        absent, held = columns.pop("absent", {}), columns.pop("process_bytes", None)
        count = max(np.size(values) for values in columns.values())
        at = np.linspace(0, seconds * 1e9, count, endpoint=False).astype(np.int64) + 1
        arrays = {name: np.broadcast_to(values, count).astype(np.int64) for name, values in columns.items()}
        if empty is not None:
            at = np.insert(at, 0, -(10**9))
            arrays = {name: np.insert(array, 0, array[0]) for name, array in arrays.items()}
            arrays["memory_used_bytes"][0] = empty
        return self._recorder.record(
            "gpu.samples",
            {**data, "variant": variant, "process": process, "absent": absent, "problem": None, "process_bytes": held},
            {"at_ns": at, "cost_ns": np.zeros(at.size, np.int64), **arrays},
        )

    def load(self, streams: int = 12, part: str = "main", run: int = 1, **changes: Any) -> str:
        """One run under load: all streams share every step, ``gaps_ms`` (steps,) apart, ``tokens`` a request."""
        tokens, chunk = changes.pop("tokens", 256), changes.pop("chunk", 1)
        gaps = np.asarray(changes.pop("gaps_ms", np.full(2 * tokens, 10.0)), np.float64)
        # What was timed is never twice the same; what came in one read (0) stays together.
        gaps = gaps + np.where(gaps, self._random.uniform(0, 1e-4, gaps.size), 0)
        rounds, stamps = gaps.size // tokens, np.cumsum(gaps * 1e6).astype(np.int64)
        begins = np.concatenate([[0], stamps[tokens - 1 :: tokens][: rounds - 1]])
        answers = stamps.reshape(rounds, tokens)
        answers = answers[:, (np.arange(tokens) // chunk + 1) * chunk - 1]
        reasons = changes.pop("reasons", ["length"])
        data = {
            "variant": "Q4_K",
            "target": "in process",
            "beside": None,
            "part": part,
            "streams": changes.pop("asked", streams),
            "run": run,
            "tokens": tokens,
            "model_sha256": "sha of Q4_K",
            "requests": rounds * streams,
            "finish_reasons": reasons,
            "engine": {
                "name": "llama.cpp",
                "version": "1",
                "binding": "",
                "backend": self.backend,
                "device": "a device",
            },
            "load": {"layers_offloaded": 33, "layers_total": 33, "buffers": []},
            "placement": None,
            "cost": {"steps": gaps.size, "wall_ns": 1, "engine_ns": 1, "overhead_us_per_step": 40.0},
            "memory": {"resident_bytes": None, "shared_growth_bytes": None, "shared_source": "no GPU"},
            "devices": {"before": [], "after": []},
            "host": {"foreign_share": 0.01},
            "log": [],
        }
        arrays = {
            "submitted_ns": np.repeat(begins, streams),
            "offsets": np.arange(rounds * streams + 1) * tokens,
            "stamps_ns": np.repeat(answers, streams, axis=0).ravel(),
            "token_ids": np.zeros(rounds * streams * tokens, np.int32),
            "prompt_tokens": np.full(rounds * streams, 128),
            "ended_ns": np.repeat(answers[:, -1], streams),
            "finish": changes.pop("finish", np.zeros(rounds * streams, np.int32)),
            "memory_resident": np.array(changes.pop("resident", []), np.int64),
            **changes.pop("arrays", {}),
        }
        return self._recorder.record("load.run", {**data, **changes}, arrays)

    def levels(self, *streams: int, runs: int = 5, tps_of_one: float = 80.0, efficiency: float = 0.9) -> None:
        """Interleaved runs of a length of time: one stream, and each of ``streams`` at an efficiency."""
        for run in range(1, runs + 1):
            self.load(1, "level", run, gaps_ms=np.full(512, 1000 / tps_of_one))
            for level in streams:
                self.load(level, "level", run, gaps_ms=np.full(512, 1000 / tps_of_one / efficiency))

    def ladder(self, *, rounds: int = 10, without: tuple[str, ...] = (), share: float = 1.0, **changes: Any) -> None:
        """Every variant but ``without`` in ``rounds`` processes at a ``share`` of its speed, with its manifest."""
        self.machine()
        for variant in VARIANTS:
            if variant not in without:
                self.model(variant)
                for process in range(1, rounds + 1):
                    self.run(variant, share * SPEED[variant], process, **changes)

    def trouble(self, variant: str, during: str = "decode.run") -> str:
        return self.record(
            "trouble",
            variant=variant,
            tokens=256,
            process=1,
            during=during,
            type="LoadFailed",
            what="refused",
            found="?",
        )

    def evidence(self) -> Evidence:
        return Evidence.read(self.path)

    def answer(self, identifier: str) -> Finding:
        criterion = self.profile.criteria[identifier]
        return RULES[criterion.metric](self.evidence(), criterion)[0]

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def opened(tmp_path):
    """``opened()``: an empty campaign of a profile; closed with the test."""
    books = []

    def open_book(profile: str = "rx7800xt", backend: str = "vulkan") -> Book:
        books.append(Book(tmp_path / f"run{len(books)}", load_profile(profile), backend))
        return books[-1]

    yield open_book
    for book in books:
        book.close()


@pytest.fixture
def book(opened) -> Book:
    """An empty campaign of the roadmap's profile on a GPU."""
    return opened()


@pytest.fixture
def campaign(tmp_path: Path) -> Callable[..., Scripted]:
    """``campaign("a")``: a run directory of that name, not measured yet."""

    def build(
        name: str = "run",
        *,
        profile: Profile | None = None,
        machine: dict[str, Any] | None = None,
        **engine: Any,
    ) -> Scripted:
        return Scripted(
            tmp_path / name, profile or load_profile("embedded"), machine or {"cpu": "a", "gpus": []}, engine
        )

    return build
