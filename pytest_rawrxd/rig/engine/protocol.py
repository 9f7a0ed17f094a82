"""What the suite asks of an engine, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.rig.models.quality import Scores

Nanoseconds = npt.NDArray[np.int64]
Sampling = Literal["auto", "argmax", "in-graph"]
TokenIds = npt.NDArray[np.int32]


@dataclass(frozen=True)
class EngineInfo:
    """Who answers: the identity that a signature names."""

    name: str  #: "llama.cpp"
    version: str  #: commit or build number of the engine
    binding: str  #: "llama-cpp-python 0.3.36", or "" for a server
    backend: str  #: "cpu", "vulkan", "cuda", "rocm", "metal", "scripted"
    device: str  #: device name as the engine reports it
    library_sha256: str  #: digest over the engine's own binaries, "" where there are none
    details: dict[str, Any] = field(default_factory=dict)

    def sentence(self) -> str:
        """The measured item as a title names it."""
        through = f", through {self.binding}" if self.binding else ""
        return f"{self.name} {self.version}, {self.backend}{through}"


@dataclass(frozen=True)
class Device:
    """One device of the engine and its memory at this moment."""

    name: str  #: "Vulkan0", "CPU"
    description: str  #: "AMD Radeon RX 7800 XT (RADV NAVI32)"
    kind: str  #: "cpu", "gpu", "igpu", "accel", "other"
    backend: str  #: in the words of EngineInfo.backend
    memory_free: int | None  #: bytes; None with ``reason``
    memory_total: int | None  #: bytes; None with ``reason``
    reason: str = ""  #: why the memory is not known


@dataclass(frozen=True)
class Progress:
    """What a running ``generate`` has done so far; sent at most a few times a second."""

    tokens: int  #: tokens received
    active: int  #: requests in a slot
    finished: int  #: requests ended, well or badly
    total: int  #: requests asked for


@dataclass(frozen=True)
class RunCost:
    """What one ``generate`` spent on steps, and how much of it was the engine's: the rest is the instrument's.

    Putting the answers together, once all are there, delays no token and is not in it.
    """

    steps: int
    wall_ns: int
    engine_ns: int  #: inside decode calls, waiting for the device included
    picking_ns: int = 0  #: finding each stream's token in what the engine left: reading the logits, on a CPU

    @property
    def overhead_us_per_step(self) -> float | None:
        """None without a step."""
        return (self.wall_ns - self.engine_ns) / 1e3 / self.steps if self.steps else None


#: Called on the caller's thread while ``generate`` waits.
ProgressListener = Callable[[Progress], None]


@dataclass(frozen=True)
class LoadOptions:
    """How a model is loaded. Everything here is recorded with the measurement."""

    n_ctx: int  #: cells of the KV cache, all streams together
    n_streams: int = 1  #: sequences decoded at once
    n_gpu_layers: int = 0  #: 0 is a CPU reference and implies op_offload off
    n_threads: int | None = None  #: None: physical cores
    prefill_chunk: int = 512  #: prompt tokens per decode call; the knob for P95 under load
    check_tensors: bool = True  #: corrupt weights load silently without it
    warm_up: bool = True  #: every decode and prefill width once, on a GPU twice
    warm_depth: bool = True  #: on a GPU the whole context once too; seconds that a short run can leave to a long one
    #: "argmax" on the host, "in-graph" on the device; "auto": in-graph for several streams on a GPU that has it.
    sampling: Sampling = "auto"


@dataclass(frozen=True)
class LoadReport:
    """What loading did, with the proof of where the weights went."""

    load_s: float
    warm_up_s: float
    layers_total: int
    layers_offloaded: int
    buffers: tuple[dict[str, Any], ...]  #: device, kind (model, kv, compute, output), bytes: from the load log
    n_ctx: int
    log: tuple[str, ...]  #: classified log lines worth keeping
    sampling: str = ""  #: "argmax" or "in-graph", as it will run
    n_threads: int = 0  #: compute threads, resolved
    devices: tuple[Device, ...] = ()  #: after loading and warming up: the baseline of every drift
    warm_up: tuple[dict[str, Any], ...] = ()  #: work, cold_ms, warm_ms of each call; warm_ms None if done once


@dataclass(frozen=True)
class Request:
    """One generation: prompt token ids in, ``max_tokens`` greedy tokens out; end-of-sequence is ignored."""

    prompt: Sequence[int]
    max_tokens: int
    id: str = ""
    timeout_s: float | None = None  #: counted from ``submitted_ns``; a late request ends alone, the engine lives


@dataclass(frozen=True, eq=False)
class Generation:
    """What one request received.

    ``stamps_ns`` (n,) are instants on the monotonic clock (``time.perf_counter_ns``), taken after the token is
    known; ``token_ids`` (n,) belong to them. A request that failed keeps the tokens it received.
    """

    id: str
    submitted_ns: int  #: the instant at which a slot took the request (closed loop)
    token_ids: TokenIds
    stamps_ns: Nanoseconds
    finish_reason: str  #: "length", "stop", "not admitted" (``admit_for_s`` was over), "error: ..."
    prompt_tokens: int


class Engine(Protocol):
    """One engine in one fresh process. Use as a context manager: leaving ends the process.

    Every call raises EngineCrashed or EngineHung (both RigTrouble, with the last log lines) when the process ends
    or misses its deadline; the engine is unusable afterwards.
    """

    @property
    def info(self) -> EngineInfo:
        """Before ``load``: what this build can do. After ``load``: where the weights really are."""
        ...

    @property
    def pid(self) -> int | None: ...

    def load(self, model: Path, options: LoadOptions, *, deadline_s: float) -> LoadReport: ...

    def tokenize(self, text: str, *, deadline_s: float = 30.0) -> list[int]: ...

    @property
    def log(self) -> tuple[str, ...]:
        """The engine's own words so far, oldest first; ``log.trouble`` picks those that speak of a failure."""
        ...

    @property
    def cost(self) -> RunCost | None:
        """Of the last ``generate``; None before it, and for an engine whose steps cannot be seen."""
        ...

    def devices(self, *, deadline_s: float = 30.0) -> tuple[Device, ...]:
        """Every device of the engine with its memory now."""
        ...

    def generate(
        self,
        requests: Sequence[Request],
        *,
        deadline_s: float,
        lock_step: bool = False,
        admit_for_s: float | None = None,
    ) -> list[Generation]:
        """Answer all requests, at most ``n_streams`` at a time, in the order given; slots are refilled at once.

        ``lock_step`` works group by group instead: prompts first, then all streams of the group decode together,
        as llama-batched-bench does. After ``admit_for_s`` no further request gets a slot and running ones finish.
        """
        ...

    def score(
        self, chunks: TokenIds, *, keep: Path | None = None, against: Path | None = None, deadline_s: float
    ) -> Scores:
        """Score the second half of each of ``chunks`` (chunks, tokens), each from an empty cache.

        ``keep`` is a new file for this model's logits; ``against`` one that another model kept for the same chunks, to
        compare with. Raises RigTrouble, with the engine alive, when it cannot: scripted and remote engines show no
        logits.
        """
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...
