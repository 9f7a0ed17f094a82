"""The pages of the soak: the stability report, and one review page for each day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.histogram import Histogram, middles_ns
from pytest_rawrxd.measure.soak.journal import BLOCK, CHECKPOINT, IDLE_DONE
from pytest_rawrxd.measure.soak.latencies import unpacked
from pytest_rawrxd.report import number
from pytest_rawrxd.report.alone import below, folder_of
from pytest_rawrxd.report.charts.canvas import Chart
from pytest_rawrxd.report.charts.soak import (
    Life,
    Stretch,
    latencies,
    latency_and_temperature,
    memory,
    ribbon,
)
from pytest_rawrxd.report.documents import explained, render_document
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.verdict.answers.soak_latency import hourly_means
from pytest_rawrxd.verdict.soak import SoakRun
from pytest_rawrxd.verdict.soak_memory import NAMES, held_memory, instrument
from pytest_rawrxd.verdict.trend import common_slope

PAGE = "stability_48h"
METRICS = frozenset({"soak_duration", "soak_completed", "soak_record", "soak_latency", "latency_trend", "availability"})
LAGS, CONFIDENCE = 12, 0.95


@dataclass(frozen=True)
class Day:
    """One day of a soak in figures a person looks at; None where nothing was recorded."""

    number: int
    begin_h: float
    end_h: float
    bursts: int
    requests: int
    lost: int
    late: int
    starts: int
    crashes: int
    down_s: float
    mean_ms: float | None
    p99_ms: float | None
    worst_ms: float | None
    memory_mb: tuple[float, float] | None  #: lowest and highest settled sample
    hottest_c: float | None
    log: tuple[str, ...]
    checkpoints: tuple[tuple[float, str], ...]


def soak_files(view: RunView) -> dict[str, bytes]:
    """Return the pages and charts of a campaign's soak by name, none without one."""
    run = view.soak
    if run is None:
        return {}
    charts = soak_curves(view, run)
    every = days(run)
    files = {f"{PAGE}.html": render_soak(view, run, charts, every).encode()}
    for day in every:
        name = f"soak_review_day{day.number}"
        title = f"Soak review, day {day.number}"
        page = render_document(view, "soak_review", title, day=day, days=every, run=run, charts=charts)
        files[f"{name}.html"] = page.encode()
    for chart in charts:
        files[f"charts/{chart.name}.svg"], files[f"charts/{chart.name}.png"] = chart.svg.encode(), chart.png
    return files


def write_soak_pages(view: RunView, directory: Path) -> list[Path]:
    """Write the soak's own pages and nothing else, of a soak that may still run."""
    written = []
    files = soak_files(view.alone[0] if view.alone else view)
    for other in view.alone[1:]:
        files |= below(folder_of(other), soak_files(other), tuple(files))
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.tmp")
        unfinished.write_bytes(content)
        unfinished.replace(path)
        written.append(path)
    return written


def render_soak(view: RunView, run: SoakRun, charts: Sequence[Chart], every: Sequence[Day]) -> str:
    """Return ``stability_48h.html``: verdicts, curves, days, lives, interruptions, log lines, what was not read."""
    found = [
        judged
        for judged in view.criteria
        if view.where(judged.id).get("during") == "soak" or view.metric(judged.id) in METRICS
    ]
    return render_document(
        view,
        PAGE,
        "Stability test",
        judged=found,
        explained=explained([judged for judged in found if judged.verdict.value not in {"PASS", "NOT APPLICABLE"}]),
        run=run,
        charts=charts,
        days=every,
        planned_h=run.schedule.duration_s / 3600,
        absent=sorted({**run.begin["signals"]["absent"], **run.distrusted}.items()),
        sources=sorted(
            (name, source) for name, source in run.begin["signals"]["sources"].items() if name not in run.distrusted
        ),
        instrument=instrument(run),
    )


def soak_curves(view: RunView, run: SoakRun) -> tuple[Chart, ...]:
    """Return the curves that this soak has data for."""
    judged = run.memory
    found = [memory(lives, NAMES.get(signal, signal)) for signal in judged[:1] if (lives := _lives(run, signal))]
    histogram = run.histogram
    if histogram is not None:
        hours, means = hourly_means(run, histogram)
        warm = [
            (record.data["at_s"] / 3600, record.data["loaded"]["temperature_c"][0])
            for record in run.records[BLOCK]
            if "temperature_c" in record.data["loaded"]
        ]
        warm_h, degrees = (np.array([pair[side] for pair in warm], np.float64) for side in (0, 1))
        found.append(latency_and_temperature(hours, means, warm_h, degrees, most=_limit(view, "gpu_temperature")))
        found.append(_histogram(view, histogram))
    return (*found, ribbon(list(_stretches(run))))


def days(run: SoakRun) -> list[Day]:
    """Every day that has begun, in observed time."""
    length = run.schedule.review_every_s
    count = max(1, int(np.ceil(min(run.tally.at_s, run.schedule.duration_s) / length - 1e-9)))
    return [_day(run, number, length) for number in range(1, count + 1)]


def _day(run: SoakRun, day: int, length_s: float) -> Day:
    begin, end = (day - 1) * length_s, day * length_s

    def mine(data: dict[str, Any]) -> bool:
        at = float(data["at_s"])
        return begin <= at < end or at >= end >= run.schedule.duration_s

    bursts = [burst for burst in run.bursts if mine(burst)]
    histogram = _part(run, begin, end)
    signal = next(iter(run.memory), None)
    settled = [s["signals"][signal] / 1e6 for s in run.samples if mine(s) and s["settled"] and signal in s["signals"]]
    warm = [r.data["loaded"]["temperature_c"][0] for r in run.records[BLOCK] if mine(r.data) and _warm(r.data)]
    return Day(
        day,
        begin / 3600,
        end / 3600,
        len(bursts),
        sum(burst["requests"] for burst in bursts),
        sum(burst["requests"] - burst["completed"] for burst in bursts),
        sum(burst["late_s"] > 0 for burst in bursts),
        sum(mine(life) for life in run.lives),
        sum(mine(found.data) for found in run.troubles),
        sum(gap["seconds"] or 0.0 for gap in run.gaps if mine(gap)),
        float(histogram.total_ns.sum() / histogram.total / 1e6) if histogram else None,
        histogram.quantile_ns(0.99) / 1e6 if histogram else None,
        float(histogram.longest_ns.max()) / 1e6 if histogram else None,
        (min(settled), max(settled)) if settled else None,
        max(warm, default=None),
        tuple(line for record in run.records["soak.log"] if mine(record.data) for line in record.data["lines"]),
        tuple((r.data["at_s"] / 3600, r.data["line"]) for r in run.records[CHECKPOINT] if mine(r.data)),
    )


def _warm(data: dict[str, Any]) -> bool:
    return "temperature_c" in data["loaded"]


def _part(run: SoakRun, begin_s: float, end_s: float) -> Histogram | None:
    length = run.schedule.block_s
    stored = [
        record.data["latency"]
        for record in run.records[BLOCK]
        if "latency" in record.data and begin_s <= record.data["block"] * length < end_s
    ]
    return unpacked(stored) if stored else None


def _lives(run: SoakRun, signal: str) -> list[Life]:
    values, hours, life = run.signal(signal), run.hours, run.life
    fitted: tuple[float, float, float] | None = None
    held = held_memory(run, signal) if np.count_nonzero(run.held & ~np.isnan(values)) > 1 else None
    if held is not None and held.longest > 0:
        try:
            trend = common_slope(held.hours, held.mb, held.segment, lags=LAGS)
            half = trend.half_width(CONFIDENCE)
            fitted = (trend.slope, trend.slope - half, trend.slope + half)
        except EvidenceProblem:
            fitted = None  # too few samples: the page shows them without a line
    found = []
    for each in np.unique(life):
        kept = (life == each) & ~np.isnan(values) & run.held
        if kept.any():
            mine = hours[kept]
            found.append(Life(mine, values[kept] / 1e6, float(mine[0]) + run.schedule.settle_s / 3600, fitted))
    return found


def _histogram(view: RunView, histogram: Histogram) -> Chart:
    counts = histogram.dense().astype(np.float64)
    bounds = [
        (
            f"{judged.id} {judged.required}",
            float(judged.limit) * {"us": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4}[judged.unit],
        )
        for judged in view.criteria
        if view.metric(judged.id) == "soak_latency" and isinstance(judged.limit, int | float)
    ]
    return latencies(middles_ns() / 1e6, counts, bounds)


def _stretches(run: SoakRun) -> Iterator[Stretch]:
    """Lives, idle phases and interruptions on an axis that has the interruptions in it."""
    gaps = sorted((gap["at_s"], gap["seconds"] or 0.0, gap["cause"]) for gap in run.gaps)

    def wall(at_s: float, *, after: bool = False) -> float:
        return (at_s + sum(seconds for at, seconds, _ in gaps if at < at_s or (after and at == at_s))) / 3600

    starts = [life["at_s"] for life in run.lives]
    for begin, end in pairwise([*starts, run.tally.at_s]):
        yield Stretch(wall(begin, after=True), wall(end), "life")
    for idle in (record.data for record in run.records[IDLE_DONE]):
        yield Stretch(wall(idle["began_s"], after=True), wall(idle["at_s"]), "idle")
    for at, seconds, cause in gaps:
        yield Stretch(wall(at), wall(at) + seconds / 3600, cause)


def _limit(view: RunView, metric: str) -> float | None:
    promised = [
        float(edge)
        for judged in view.criteria
        if view.metric(judged.id) == metric and view.where(judged.id).get("during") == "soak"
        for edge in number.edges(judged.limit)
    ]
    return min(promised, default=None)
