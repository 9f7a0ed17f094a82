"""Which curves a dossier shows, with the bounds of its criteria on them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pytest_rawrxd.report import number
from pytest_rawrxd.report.charts.bandwidth import time_per_token
from pytest_rawrxd.report.charts.canvas import Chart
from pytest_rawrxd.report.charts.latency import Gaps, QuantileBound, latency_cdf, latency_distributions
from pytest_rawrxd.report.charts.throughput import (
    RateBound,
    efficiency_frontier,
    speed_against_memory,
    throughput_runs,
)
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.variant import Variant, available_bandwidth, variants
from pytest_rawrxd.verdict.outcome import Verdict

RATE_KINDS = frozenset({"floor", "equivalence", "range"})


def phase1_curves(view: RunView) -> tuple[Chart, ...]:
    """Return the publication-size curves of Phase 1; none where no process decoded anything."""
    known = variants(view)
    if not known:
        return ()
    gaps = _gaps(view, known)
    means = {variant.name: _mean_gap_bounds(variant) for variant in known}
    return (
        throughput_runs(known, view.runs, rate_bounds(view)),
        speed_against_memory(known),
        latency_distributions(gaps, means),
        latency_cdf(gaps, _quantile_bounds(view)),
        efficiency_frontier(known),
        time_per_token(known, available=available_bandwidth(view)),
    )


def phase1_thumbnails(view: RunView) -> tuple[Chart, ...]:
    """Return the three small curves that fit side by side on the sign-off page."""
    known = variants(view)
    if not known:
        return ()
    return (
        throughput_runs(known, view.runs, rate_bounds(view), small=True),
        speed_against_memory(known, small=True),
        latency_cdf(_gaps(view, known), _quantile_bounds(view), small=True),
    )


def _gaps(view: RunView, known: tuple[Variant, ...]) -> Gaps:
    """Pooled gaps of each variant's judged cell."""
    return {
        variant.name: np.concatenate(
            [run.gaps_ms for run in view.runs if (run.variant, run.tokens) == (variant.name, variant.cell.tokens)]
        )
        for variant in known
    }


def _mean_gap_bounds(variant: Variant) -> tuple[float | None, float | None]:
    """The bounds of the mean time per token are those of the rate, turned over."""
    if variant.cell.lower is None or variant.cell.upper is None or variant.cell.lower <= 0:
        return None, None
    return 1000 / variant.cell.upper, 1000 / variant.cell.lower


def rate_bounds(view: RunView) -> Mapping[str, list[RateBound]]:
    """Return the rates that deciding, applicable criteria bound, by variant."""
    found: dict[str, list[RateBound]] = {}
    for judged in view.criteria:
        variant = view.where(judged.id).get("variant")
        holds = not judged.informative and judged.verdict is not Verdict.NOT_APPLICABLE
        if holds and variant is not None and judged.unit == "tok/s" and judged.kind in RATE_KINDS:
            found.setdefault(str(variant), []).append(RateBound(judged.id, number.edges(judged.limit)))
    return found


def _quantile_bounds(view: RunView) -> list[QuantileBound]:
    """Bounds of the latency quantiles that hold for decoding alone, without a number of streams."""
    return [
        QuantileBound(judged.id, share, float(edge))
        for judged in view.criteria
        if judged.kind == "quantile" and judged.unit == "ms" and "streams" not in view.where(judged.id)
        if (promise := view.profile.criteria.get(judged.id)) and (share := promise.quantile) is not None
        for edge in number.edges(judged.limit)
    ]
