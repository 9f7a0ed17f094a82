"""What the suite asks of an engine, whatever it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

Nanoseconds = npt.NDArray[np.int64]
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
class LoadOptions:
    """How a model is loaded. Everything here is recorded with the measurement."""

    n_ctx: int  #: cells of the KV cache, all streams together
    n_streams: int = 1  #: sequences decoded at once
    n_gpu_layers: int = 0  #: 0 is a CPU reference and implies op_offload off
    n_threads: int | None = None  #: None: physical cores
    prefill_chunk: int = 512  #: prompt tokens per decode call; the knob for P95 under load
    check_tensors: bool = True  #: corrupt weights load silently without it
    warm_up: bool = True  #: decode every width 1..n_streams and every prefill width once


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


@dataclass(frozen=True)
class Request:
    """One generation: prompt token ids in, ``max_tokens`` greedy tokens out; end-of-sequence is ignored."""

    prompt: Sequence[int]
    max_tokens: int
    id: str = ""


@dataclass(frozen=True, eq=False)
class Generation:
    """What one request received.

    ``stamps_ns`` (n,) are instants on the monotonic clock (``time.perf_counter_ns``), taken after the token is
    known; ``token_ids`` (n,) belong to them.
    """

    id: str
    submitted_ns: int
    token_ids: TokenIds
    stamps_ns: Nanoseconds
    finish_reason: str  #: "length", "stop", "error: ..."
    prompt_tokens: int


class Engine(Protocol):
    """One engine in one fresh process. Use as a context manager: leaving ends the process.

    Every call raises EngineCrashed or EngineHung (both RigTrouble, with the last log lines) when the process ends
    or misses its deadline; the engine is unusable afterwards.
    """

    info: EngineInfo
    pid: int | None

    def load(self, model: Path, options: LoadOptions, *, deadline_s: float) -> LoadReport: ...

    def tokenize(self, text: str, *, deadline_s: float = 30.0) -> list[int]: ...

    def generate(self, requests: Sequence[Request], *, deadline_s: float) -> list[Generation]:
        """Answer all requests, at most ``n_streams`` at a time, in the order given; slots are refilled at once."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...
