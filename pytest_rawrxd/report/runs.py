"""Decoding runs as the ledger holds them: one fresh process each, every figure derived from raw stamps.

The warm-up is cut where `verdict/` cuts it, so that a table never shows another rate than the one that was judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.measure.decode import RUN
from pytest_rawrxd.verdict.decoding import split, steady_gaps, untold
from pytest_rawrxd.verdict.memory import used_bytes

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
    vram_gb: float | None  #: GB = 1e9 B; resident memory on a CPU; None where nobody said
    memory: str  #: which memory ``vram_gb`` is: "VRAM" or "resident memory"
    partial_offload: bool
    foreign_share: float | None  #: CPU share of other programs during the run

    def quantile(self, q: float) -> float | None:
        """The ``q`` quantile of the gaps in ms, None without gaps."""
        return float(np.quantile(self.gaps_ms, q)) if self.gaps_ms.size else None


def decode_runs(records: Iterable[RecordLike], load_raw: LoadRaw, kind: str = RUN) -> tuple[DecodeRun, ...]:
    """Return every decoding run of ``kind``, in the order of the ledger.

    EvidenceProblem where the arrays contradict each other.
    """
    seen: Counter[tuple[str, int]] = Counter()
    runs = []
    for record in records:
        # A server that replies once tells no token's instant: its figures stand in the verdict's own words.
        if record.kind != kind or untold(record.data, "itl") is not None:
            continue
        cell = (str(record.data["variant"]), int(record.data["tokens"]))
        seen[cell] += 1
        runs.append(_run(record, load_raw(record.data["raw"]), *cell, seen[cell]))
    return tuple(runs)


def _run(record: RecordLike, arrays: Arrays, variant: str, tokens: int, run: int) -> DecodeRun:
    requests = split(arrays["stamps_ns"], arrays["offsets"], where=record.id)
    gaps = steady_gaps(requests, record.data["prompt_tokens"])[1] / 1e6
    decode_ms = float(gaps.sum())
    rate = 1000 * gaps.size / decode_ms if decode_ms > 0 else None
    load = record.data.get("load") or {}
    offloaded, layers = load.get("layers_offloaded") or 0, load.get("layers_total") or 0
    return DecodeRun(
        record=record.id,
        variant=variant,
        tokens=tokens,
        run=run,
        tps=rate,
        latency_ms=None if rate is None else 1000 / rate,
        gaps_ms=gaps,
        vram_gb=None if (used := used_bytes(record.data)) is None else used / 1e9,
        memory="resident memory" if record.data["engine"]["backend"] == "cpu" else "VRAM",
        partial_offload=0 < offloaded < layers,
        foreign_share=(record.data.get("host") or {}).get("foreign_share"),
    )
