"""The pages of the load test: its own report, and the curves of the sign-off's second page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_rawrxd.measure.levels import MAIN
from pytest_rawrxd.report import number
from pytest_rawrxd.report.bridge import pool
from pytest_rawrxd.report.charts.canvas import Chart, Look, ranked
from pytest_rawrxd.report.charts.latency import (
    QuantileBound,
    latency_cdf,
    latency_distributions,
    latency_histograms,
)
from pytest_rawrxd.report.charts.scaling import ScalingPoint, scaling
from pytest_rawrxd.report.documents import render_document
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.levels import LevelRow, first_tokens
from pytest_rawrxd.verdict.definitions import Reading, readings

METRICS = frozenset(
    {
        "inter_token_latency",
        "time_weighted_latency",
        "longest_gap",
        "stalled_share",
        "aggregate_tps",
        "scaling_efficiency",
        "requests_completed",
        "concurrent_users",
    }
)


def render_load(view: RunView, charts: Sequence[Chart]) -> str:
    """Return ``concurrency_load_test.html``: levels, curves, the three views, the bridge, and the instrument."""
    main = [run for row in view.levels if not row.beside for run in row.runs if run.data["part"] == MAIN]
    streams = main[0].streams if main else None
    found = [
        judged
        for judged in view.criteria
        if view.metric(judged.id) in METRICS and not judged.informative
        if view.where(judged.id).get("streams", streams) == streams
    ]
    return render_document(
        view,
        "concurrency_load_test",
        "Concurrency load test",
        judged=found,
        rows=view.levels,
        absent=[(record.data["beside"], record.data["why"]) for record in view.of("load.missing")],
        charts=charts,
        main=streams,
        readings=_readings(view),
        first_tokens=first_tokens(view.records, view.load_raw),
    )


def load_curves(view: RunView) -> tuple[Chart, ...]:
    """Return the publication-size curves of the load test: scaling, histograms, cumulative, distributions."""
    rows = _drawn(view)
    if not rows:
        return ()
    gaps = {row.name: row.gaps_ms for row in rows}
    looks = ranked(gaps)
    means = {row.name: (row.mean_ms.lower, row.mean_ms.upper) if row.mean_ms else (None, None) for row in rows}
    bounds = _bounds(view)
    return (
        *_scaling(view, small=False),
        latency_histograms(gaps, bounds, looks=looks),
        latency_cdf(gaps, bounds, looks=looks, name="levels-cdf"),
        latency_distributions(gaps, means, looks=looks, name="levels-distributions", of="level"),
    )


def load_thumbnails(view: RunView) -> tuple[Chart, ...]:
    """Return the three small curves that fit side by side on the sign-off page of phase 2."""
    rows = _drawn(view)
    if not rows:
        return ()
    gaps = {row.name: row.gaps_ms for row in rows}
    looks: Mapping[str, Look] = ranked(gaps)
    bounds = _bounds(view)
    return (
        *_scaling(view, small=True),
        latency_histograms(gaps, bounds, looks=looks, small=True),
        latency_cdf(gaps, bounds, looks=looks, name="levels-cdf", small=True),
    )


def _drawn(view: RunView) -> list[LevelRow]:
    return [row for row in view.levels if not row.beside and row.gaps_ms.size]


def _scaling(view: RunView, *, small: bool) -> tuple[Chart, ...]:
    points = [
        ScalingPoint(
            row.streams,
            row.tps.value,
            row.tps.lower if row.tps.lower is not None else row.tps.value,
            row.tps.upper if row.tps.upper is not None else row.tps.value,
            *_shares(row),
        )
        for row in view.levels
        if not row.beside and row.tps is not None
    ]
    promised = [
        float(edge)
        for judged in view.criteria
        if view.metric(judged.id) == "scaling_efficiency" and not judged.informative
        for edge in number.edges(judged.limit)
    ]
    least = max(promised, default=None)
    return (scaling(points, least_efficiency=None if least is None else least / 100, small=small),) if points else ()


def _shares(row: LevelRow) -> tuple[float | None, float | None, float | None]:
    """Efficiency with its bounds as shares."""
    if row.efficiency is None:
        return None, None, None
    found = row.efficiency
    ends = [found.value if end is None else end for end in (found.lower, found.upper)]
    return found.value / 100, ends[0] / 100, ends[1] / 100


def _bounds(view: RunView) -> list[QuantileBound]:
    """The bounds on gaps at the streams of the main run: those of other levels repeat them."""
    found: dict[tuple[float, float], QuantileBound] = {}
    for judged in view.criteria:
        promise = view.profile.criteria.get(judged.id)
        if promise is None or promise.metric != "inter_token_latency" or promise.quantile is None:
            continue
        if judged.id.startswith("P2-") and isinstance(judged.limit, float | int) and not judged.informative:
            key = (promise.quantile, float(judged.limit))
            milliseconds = {"us": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4}[judged.unit]
            found.setdefault(key, QuantileBound(judged.id, promise.quantile, float(judged.limit) * milliseconds))
    return list(found.values())


def _readings(view: RunView) -> tuple[Reading, ...]:
    records = [
        record
        for record in view.of("load.run")
        if record.data["part"] == MAIN and not record.data.get("beside") and record.data["requests"]
    ]
    if not records:
        return ()
    return readings(*pool(view.load_raw(record.data["raw"]) for record in records))
