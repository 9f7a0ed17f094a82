"""``soak_latency``, ``latency_trend``: the latencies of all bursts, from the histograms of their time blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.histogram import Histogram, merge
from pytest_rawrxd.measure.soak.journal import GAPS
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict import checks
from pytest_rawrxd.verdict.cell import with_note
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.gaps import shared_reads
from pytest_rawrxd.verdict.latency_slope import latency_slope
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.quantile import NANOSECONDS, quantile
from pytest_rawrxd.verdict.sample import Floats
from pytest_rawrxd.verdict.soak import SoakRun, capped, usable_soaks, with_soak

BLOCKS_OF_A_SOAK = 100_000_000  #: block numbers of two soaks never meet
LEAST_MEANS = 12  #: a rehearsal without so many hours takes shorter ones


def soak_latency(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the share of gaps above the bound over the time blocks of every soak."""
    runs, histogram, answer = _latencies(evidence)
    if histogram is None:
        return answer
    run, (_, sources) = runs[0], answer
    assert isinstance(criterion.limit, float)  # noqa: S101 - a quantile has one bound
    assert criterion.quantile is not None  # noqa: S101 - the profile gives each one of this kind its quantile
    gates = run.profile.gates
    found = quantile(
        histogram,
        quantile=criterion.quantile,
        bound=criterion.limit,
        steps=max(1, histogram.total // run.schedule.streams),
        unit=criterion.unit,
        minutes=sum(each.observed_s for each in runs) / 60,
        confidence=criterion.confidence,
        guard=gates.quantile_guard.to("ratio"),
        planning_effect=gates.planning_design_effect.to("ratio"),
        min_blocks=gates.min_blocks,
    )
    shared, tokens = sum(map(_shared, runs)), sum(each.tally.tokens for each in runs)
    found = with_note(found, shared_reads(shared, tokens))
    found = replace(found, deciding={**found.deciding, "blocks": int(histogram.blocks.size)})
    for each in runs:
        found = capped(with_soak(found, each), each, evidence)
    return found, sources


def latency_trend(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the slope of the hourly mean over the soak, as a share of the first day's mean."""
    runs, histogram, answer = _latencies(evidence)
    if histogram is None or len(runs) > 1:  # the course of one soak is no other's
        return answer
    [run] = runs
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


def _shared(run: SoakRun) -> int:
    """Tokens that came in one read with the token before."""
    return sum(burst["coalesced"] for burst in run.bursts)


def _latencies(evidence: Evidence) -> tuple[Sequence[SoakRun], Histogram | None, Answer]:
    """Every soak with all their latencies, or what to answer instead."""
    runs, problem = usable_soaks(evidence)
    sources = tuple(source for run in runs for source in run.sources)
    if problem is not None:
        return (), None, (problem, sources)
    for run in runs:
        if (unseen := run.unseen(GAPS)) is not None:
            return runs, None, (unseen, sources)
        if (told := checks.coalesced(_shared(run), run.tally.tokens)) is not None:
            return runs, None, (invalid(told.sentence(), next_step=told.rule.fix, n=run.tally.tokens), sources)
        if run.histogram is None:
            empty: Finding = invalid("empty sample: no gap was recorded", next_step="a longer soak")
            return runs, None, (empty, sources)
    found = [
        replace(run.histogram, blocks=run.histogram.blocks + position * BLOCKS_OF_A_SOAK)
        for position, run in enumerate(runs)
        if run.histogram is not None
    ]
    several = Finding(Verdict.NOT_MEASURED, f"{len(runs)} soaks have no course in common")
    return runs, merge(*found), (several, sources)
