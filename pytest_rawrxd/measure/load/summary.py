"""What a client process says about its run beside the arrays: counts, reasons, and its own condition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from pytest_rawrxd.measure.load.arrays import server_code
from pytest_rawrxd.measure.load.drive import Driven
from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.measure.load.surroundings import HostUse
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.response import Reply


def summarise(
    rows: Iterable[tuple[Exchange, Reply]],
    driven: Driven,
    host: HostUse,
    settled: Mapping[str, str],
    crossed: Iterable[tuple[int, int]] = (),
) -> dict[str, Any]:
    """Plain values: requests by failure with one example each, chunks, loop lag in ns, processor time.

    ``crossed`` are requests with the one whose nonce their answer holds.
    """
    rows = list(rows)
    failures: dict[str, dict[str, Any]] = {}
    for kept, reply in rows:
        if reply.failure:
            entry = failures.setdefault(
                reply.failure.name,
                {"count": 0, "sentence": reply.failure.sentence, "example": reply.detail, "status": kept.status},
            )
            entry["count"] += 1
    chunks = sum(len(kept.chunks) for kept, _ in rows)
    lag = np.array(driven.lag_ns, np.int64)
    return {
        "requests": len(rows),
        "completed": sum(reply.failure is Failure.NONE for _, reply in rows),
        "failures": failures,
        "crossed": [list(pair) for pair in crossed],
        "chunks": chunks,
        "bytes": sum(len(chunk) for kept, _ in rows for chunk in kept.chunks),
        "loop_lag_ns": {"samples": int(lag.size), "p99": _percentile(lag, 99), "max": _percentile(lag, 100)},
        "cpu_us_per_chunk": host.own_cpu_s * 1e6 / chunks if chunks else None,
        "host": asdict(host),
        "settled": dict(settled),
        "servers": {str(server_code(name)): name for name in sorted({kept.server for kept, _ in rows} - {""})},
    }


def merge_summaries(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The counts of all client processes together; what belongs to one process stays in ``processes``.

    A part may be such a sum itself, of the processes of one host.
    """
    failures: dict[str, dict[str, Any]] = {}
    for part in parts:
        for name, entry in part["failures"].items():
            known = failures.setdefault(name, {**entry, "count": 0})
            known["count"] += entry["count"]
    return {
        **{name: sum(part[name] for part in parts) for name in ("requests", "completed", "chunks", "bytes")},
        "failures": failures,
        "crossed": [pair for part in parts for pair in part["crossed"]],
        "servers": {code: name for part in parts for code, name in part.get("servers", {}).items()},
        "processes": [process for part in parts for process in _processes(part)],
    }


def _processes(part: Mapping[str, Any]) -> list[dict[str, Any]]:
    if "processes" in part:
        return list(part["processes"])
    return [{name: part[name] for name in ("loop_lag_ns", "cpu_us_per_chunk", "host", "settled")}]


def _percentile(values: np.ndarray[Any, np.dtype[np.int64]], share: float) -> int | None:
    return int(np.percentile(values, share, method="higher")) if values.size else None
