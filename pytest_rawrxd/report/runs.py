"""Decoding runs as the ledger holds them: one fresh process each, every figure derived from raw stamps."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.steady import steady_requests

KIND = "decode.run"
Arrays = Mapping[str, npt.NDArray[Any]]
LoadRaw = Callable[[dict[str, Any]], Arrays]


class RecordLike(Protocol):
    """What a report reads of a ledger record."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> str: ...
    @property
    def session(self) -> str: ...
    @property
    def data(self) -> dict[str, Any]: ...


@dataclass(frozen=True, eq=False)
class DecodeRun:
    """One fresh process in one cell: warm-up removed, first interval of each request dropped."""

    record: str
    variant: str
    tokens: int
    run: int  #: position within the cell, from 1, in the order of the ledger
    tps: float | None  #: tokens received / decode time
    latency_ms: float | None  #: mean time per token
    gaps_ms: npt.NDArray[np.float64]  #: (n,) inter-token gaps
    vram_gb: float | None  #: GB = 1e9 B; None where the engine used none or did not say
    partial_offload: bool
    foreign_share: float | None  #: CPU share of other programs during the run

    def quantile(self, q: float) -> float | None:
        """The ``q`` quantile of the gaps in ms, None without gaps."""
        return float(np.quantile(self.gaps_ms, q)) if self.gaps_ms.size else None


def decode_runs(records: Iterable[RecordLike], load_raw: LoadRaw) -> tuple[DecodeRun, ...]:
    """Return every decoding run, in the order of the ledger. EvidenceProblem where the arrays contradict each other."""
    seen: Counter[tuple[str, int]] = Counter()
    runs = []
    for record in records:
        if record.kind != KIND:
            continue
        cell = (str(record.data["variant"]), int(record.data["tokens"]))
        seen[cell] += 1
        runs.append(_run(record, load_raw(record.data["raw"]), *cell, seen[cell]))
    return tuple(runs)


def _run(record: RecordLike, arrays: Arrays, variant: str, tokens: int, run: int) -> DecodeRun:
    gaps = _steady_gaps(arrays, record.id)
    decode_ms = float(gaps.sum())
    rate = 1000 * gaps.size / decode_ms if decode_ms > 0 else None
    load = record.data.get("load") or {}
    offloaded, layers = load.get("layers_offloaded", 0), load.get("layers_total", 0)
    return DecodeRun(
        record=record.id,
        variant=variant,
        tokens=tokens,
        run=run,
        tps=rate,
        latency_ms=None if rate is None else 1000 / rate,
        gaps_ms=gaps,
        vram_gb=_vram_gb(record.data),
        partial_offload=0 < offloaded < layers,
        foreign_share=(record.data.get("host") or {}).get("foreign_share"),
    )


def _steady_gaps(arrays: Arrays, where: str) -> npt.NDArray[np.float64]:
    """Gaps in ms of the requests after warm-up; a single request is kept whole."""
    offsets, stamps = arrays["offsets"], arrays["stamps_ns"]
    if offsets.size == 0 or int(offsets[-1]) != stamps.size or (np.diff(offsets) < 0).any():
        raise EvidenceProblem(
            "Raw stamps do not fit their offsets",
            where=where,
            found=f"offsets end at {offsets[-1] if offsets.size else 'nothing'}, {stamps.size} stamps",
        )
    requests = [np.diff(stamps[start:end]) / 1e6 for start, end in itertools.pairwise(offsets)]
    requests = [gaps for gaps in requests if gaps.size]
    if any((gaps < 0).any() for gaps in requests):
        raise EvidenceProblem("Raw stamps go back in time", where=where)
    if len(requests) > 1:
        totals = [float(gaps.sum()) for gaps in requests]
        rates = [gaps.size / total if total > 0 else 0.0 for gaps, total in zip(requests, totals, strict=True)]
        requests = requests[steady_requests(rates).dropped :]
    return np.concatenate([np.empty(0), *requests])


def _vram_gb(data: Mapping[str, Any]) -> float | None:
    """What the probe saw, else what the load log allocated on devices; None on a CPU backend."""
    probed = (data.get("vram") or {}).get("bytes")
    if probed is not None:
        return float(probed) / 1e9
    if (data.get("engine") or {}).get("backend") == "cpu":
        return None
    buffers = (data.get("load") or {}).get("buffers", ())
    allocated = sum(buffer["bytes"] for buffer in buffers if "CPU" not in str(buffer["device"]).upper())
    return allocated / 1e9 if allocated else None
