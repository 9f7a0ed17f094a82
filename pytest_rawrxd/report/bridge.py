"""The bridge to other tools: what the same token instants read as in their definitions of ITL and TPOT."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.runs import DecodeRun
from pytest_rawrxd.verdict.definitions import Reading, readings


@dataclass(frozen=True)
class Bridge:
    """One measured cell in everybody's words: ours first."""

    variant: str
    tokens: int
    runs: int
    ours: Reading
    others: tuple[Reading, ...]


def bridge(view: RunView) -> Bridge | None:
    """The bridge of one cell: the one a floor is promised for, else the first; None without runs."""
    if not view.runs:
        return None
    promised = [
        (str(where["variant"]), int(where["tokens"]))
        for judged in view.criteria
        if judged.kind == "floor" and not judged.informative
        if {"variant", "tokens"} <= (where := view.where(judged.id)).keys()
    ]
    measured = [(run.variant, run.tokens) for run in view.runs]
    variant, tokens = next((cell for cell in promised if cell in measured), measured[0])
    runs = [run for run in view.runs if (run.variant, run.tokens) == (variant, tokens)]
    raw = {record.id: record.data["raw"] for record in view.records if "raw" in record.data}
    pooled = pool(view.load_raw(raw[run.record]) for run in runs)
    return Bridge(variant, tokens, len(runs), _ours(runs), readings(*pooled))


def pool(arrays: Iterable[Mapping[str, Any]]) -> tuple[Any, Any, Any]:
    """Submissions (k,), offsets (k + 1,) and stamps (tokens,) of several processes as those of one.

    Each process has a clock of its own: no instant is compared with one of another request.
    """
    parts = list(arrays)
    lengths = np.concatenate([np.diff(part["offsets"]) for part in parts])
    return (
        np.concatenate([part["submitted_ns"] for part in parts]),
        np.concatenate([[0], np.cumsum(lengths)]),
        np.concatenate([part["stamps_ns"] for part in parts]),
    )


def _ours(runs: Iterable[DecodeRun]) -> Reading:
    gaps = np.concatenate([run.gaps_ms for run in runs])
    p50, p95, p99 = (float(value) for value in np.percentile(gaps, [50, 95, 99]))
    return Reading(
        "pytest-rawrxd",
        "inter-token latency",
        "gap between tokens, pooled; warm-up and each request's first gap left out",
        "verdict/decoding.py",
        int(gaps.size),
        float(gaps.mean()),
        p50,
        p95,
        p99,
    )
