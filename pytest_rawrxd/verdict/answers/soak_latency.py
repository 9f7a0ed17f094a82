"""``soak_latency``, ``latency_trend``: the latencies of all bursts, from the histograms of their time blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.histogram import Histogram
from pytest_rawrxd.measure.soak.journal import GAPS
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict import checks
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.latency_slope import latency_slope
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.quantile import NANOSECONDS, quantile
from pytest_rawrxd.verdict.sample import Floats
from pytest_rawrxd.verdict.soak import SoakRun, capped, usable_soak, with_soak

LEAST_MEANS = 12  #: a rehearsal without so many hours takes shorter ones


def soak_latency(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the share of gaps above the bound over the time blocks of the soak."""
    run, histogram, answer = _latencies(evidence)
    if run is None or histogram is None:
        return answer
    assert isinstance(criterion.limit, float)  # noqa: S101 - a quantile has one bound
    assert criterion.quantile is not None  # noqa: S101 - the profile gives each one of this kind its quantile
    gates = run.profile.gates
    found = quantile(
        histogram,
        quantile=criterion.quantile,
        bound=criterion.limit,
        steps=max(1, histogram.total // run.schedule.streams),
        unit=criterion.unit,
        minutes=run.observed_s / 60,
        confidence=criterion.confidence,
        guard=gates.quantile_guard.to("ratio"),
        planning_effect=gates.planning_design_effect.to("ratio"),
        min_blocks=gates.min_blocks,
    )
    found = replace(found, deciding={**found.deciding, "blocks": int(histogram.blocks.size)})
    return capped(with_soak(found, run), run, evidence), run.sources


def latency_trend(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the slope of the hourly mean over the soak, as a share of the first day's mean."""
    run, histogram, answer = _latencies(evidence)
    if run is None or histogram is None:
        return answer
    assert isinstance(criterion.limit, tuple)  # noqa: S101 - a trend has a band
    low, high = (convert(limit, criterion.unit, "%") for limit in criterion.limit)
    hours, means = hourly_means(run, histogram)
    found = latency_slope(
        hours,
        means,
        limits=(low, high),
        horizon_hours=run.schedule.duration_s / 3600,
        first_hours=run.schedule.review_every_s / 3600,
        confidence=criterion.confidence,
    )
    return capped(with_soak(found, run), run, evidence), run.sources


def hourly_means(run: SoakRun, histogram: Histogram) -> tuple[Floats, Floats]:
    """Hours since the start and mean gap in ms of each hour, both (n,); of a short soak, of a twelfth of it."""
    bucket_s = min(run.schedule.checkpoint_every_s, run.schedule.duration_s / LEAST_MEANS)
    bucket = (histogram.blocks * run.schedule.block_s / bucket_s).astype(np.int64)
    present = np.unique(bucket)
    total = np.array([histogram.total_ns[bucket == each].sum() for each in present], np.float64)
    count = np.array([histogram.totals[bucket == each].sum() for each in present], np.float64)
    return present * bucket_s / 3600, total / count / 1e6


def worst_gaps(histogram: Histogram, limit_ms: float) -> int:
    """How many gaps exceed ``limit_ms``, exactly."""
    return int(histogram.over[:, histogram.bound(round(limit_ms * NANOSECONDS["ms"]))].sum())


def _latencies(evidence: Evidence) -> tuple[SoakRun | None, Histogram | None, Answer]:
    """The soak with its latencies, or what to answer instead."""
    run, problem = usable_soak(evidence)
    if run is None or problem is not None:
        assert problem is not None  # noqa: S101 - without a soak there is a finding that says so
        return None, None, (problem, run.sources if run else ())
    if (unseen := run.unseen(GAPS)) is not None:
        return run, None, (unseen, run.sources)
    coalesced, tokens = sum(burst["coalesced"] for burst in run.bursts), run.tally.tokens
    if (told := checks.coalesced(coalesced, tokens)) is not None:
        return run, None, (invalid(told.sentence(), next_step=told.rule.fix, n=tokens), run.sources)
    if run.histogram is None:
        empty: Finding = invalid("empty sample: no gap was recorded", next_step="a longer soak")
        return run, None, (empty, run.sources)
    return run, run.histogram, (Finding(Verdict.NOT_MEASURED, ""), run.sources)
