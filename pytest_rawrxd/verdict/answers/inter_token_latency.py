"""``inter_token_latency``, ``time_weighted_latency``: quantiles of the gaps between tokens, from raw instants."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.cell import with_note
from pytest_rawrxd.verdict.level import level_sample, with_size
from pytest_rawrxd.verdict.outcome import Answer
from pytest_rawrxd.verdict.quantile import NANOSECONDS, quantile


def inter_token_latency(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the share of gaps above the bound, all streams pooled, over time blocks."""
    return _judged(evidence, criterion, by_time=False)


def time_weighted_latency(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the share of time spent in gaps above the bound."""
    return _judged(evidence, criterion, by_time=True)


def _judged(evidence: Evidence, criterion: Criterion, *, by_time: bool) -> Answer:
    sample = level_sample(evidence, int(criterion.where["streams"]))
    if (problem := sample.gap_problem) is not None:
        return problem, sample.sources
    assert isinstance(criterion.limit, float)  # noqa: S101 - a quantile has one bound
    assert criterion.quantile is not None  # noqa: S101 - the profile gives each one of this kind its quantile
    profile = evidence.campaign.profile
    histogram = sample.histogram(
        bound_ns=round(criterion.limit * NANOSECONDS[criterion.unit]),
        block_s=profile.protocol.phase2.block.to("s"),
        of=(lambda run: run.read_gaps) if by_time else None,
    )
    found = quantile(
        histogram,
        quantile=criterion.quantile,
        bound=criterion.limit,
        steps=sample.steps,
        unit=criterion.unit,
        by_time=by_time,
        minutes=sample.minutes,
        confidence=criterion.confidence,
        guard=profile.gates.quantile_guard.to("ratio"),
        planning_effect=profile.gates.planning_design_effect.to("ratio"),
        min_blocks=profile.gates.min_blocks,
    )
    return with_size(with_note(found, sample.shared_reads), sample, int(histogram.blocks.size)), sample.sources
