"""The performance matrix: a row a fresh process, and the statistics of each cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.report.runs import DecodeRun
from pytest_rawrxd.verdict.means import mean_interval

COLUMNS = ("Model", "Tokens", "Run", "TPS", "Latency_ms", "VRAM_GB", "P50", "P95", "P99")
SUMMARY = (
    "Model",
    "Tokens",
    "Runs",
    "TPS_mean",
    "TPS_lower95",
    "TPS_upper95",
    "TPS_std",
    "TPS_CV",
    "Latency_ms_mean",
    "P50",
    "P95",
    "P99",
    "VRAM_GB",
)
QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix over its runs. A figure that could not be computed is None."""

    variant: str
    tokens: int
    records: tuple[str, ...]  #: the evidence of its runs
    runs: int
    tps: float | None
    lower: float | None  #: one-sided 95 % Student t bounds of the mean over fresh processes
    upper: float | None
    std: float | None
    cv: float | None
    latency_ms: float | None
    quantiles_ms: tuple[float | None, ...]  #: P50, P95, P99 of the pooled gaps, never averaged over runs
    vram_gb: float | None  #: the highest of the runs
    memory: str  #: which memory that is
    partial_offload: bool


def performance_matrix(runs: Iterable[DecodeRun]) -> str:
    """Return performance_matrix.csv: the roadmap's columns, a row a run; an absent value is an empty cell."""
    return _csv(
        COLUMNS,
        (
            (
                plain(run.variant),
                run.tokens,
                run.run,
                run.tps,
                run.latency_ms,
                run.vram_gb,
                *map(run.quantile, QUANTILES),
            )
            for run in runs
        ),
    )


def statistics_csv(cells: Iterable[Cell]) -> str:
    """Return performance_statistics.csv: a row a cell."""
    return _csv(
        SUMMARY,
        (
            (
                plain(cell.variant),
                cell.tokens,
                cell.runs,
                cell.tps,
                cell.lower,
                cell.upper,
                cell.std,
                cell.cv,
                cell.latency_ms,
                *cell.quantiles_ms,
                cell.vram_gb,
            )
            for cell in cells
        ),
    )


def cells(runs: Sequence[DecodeRun], variants: Sequence[str]) -> tuple[Cell, ...]:
    """Return the cells that hold runs, variants in the given order, tokens rising; cells are never pooled."""
    keys = sorted({(variants.index(run.variant), run.tokens) for run in runs})
    return tuple(
        _cell([run for run in runs if (run.variant, run.tokens) == (variants[at], tokens)]) for at, tokens in keys
    )


def _cell(runs: Sequence[DecodeRun]) -> Cell:
    rates = np.array([run.tps for run in runs if run.tps is not None])
    bounds = mean_interval(rates) if rates.size > 1 else None
    mean = float(rates.mean()) if rates.size else None
    std = float(rates.std(ddof=1)) if rates.size > 1 else None
    gaps = np.concatenate([run.gaps_ms for run in runs])
    memory = [run.vram_gb for run in runs if run.vram_gb is not None]
    return Cell(
        variant=runs[0].variant,
        tokens=runs[0].tokens,
        records=tuple(run.record for run in runs),
        runs=len(runs),
        tps=mean,
        lower=bounds.lower if bounds else None,
        upper=bounds.upper if bounds else None,
        std=std,
        cv=std / mean if std is not None and mean else None,
        latency_ms=float(gaps.mean()) if gaps.size else None,
        quantiles_ms=tuple(float(np.quantile(gaps, q)) if gaps.size else None for q in QUANTILES),
        vram_gb=max(memory) if memory else None,
        memory=runs[0].memory,
        partial_offload=any(run.partial_offload for run in runs),
    )


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_text(value) for value in row] for row in rows)
    return buffer.getvalue()


def _text(value: object) -> object:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value
