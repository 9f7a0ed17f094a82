"""``longest_gap``, ``stalled_share``: what no percentile sees."""

from __future__ import annotations

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.cell import with_note
from pytest_rawrxd.verdict.counts import spike
from pytest_rawrxd.verdict.level import in_unit, level_sample, with_size
from pytest_rawrxd.verdict.outcome import Answer
from pytest_rawrxd.verdict.quantile import NANOSECONDS, share_of_time


def longest_gap(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge that not one gap between two tokens is above the bound."""
    sample = level_sample(evidence, int(criterion.where["streams"]))
    if (problem := sample.gap_problem) is not None:
        return problem, sample.sources
    assert isinstance(criterion.limit, float)  # noqa: S101 - a spike has one bound
    scale = NANOSECONDS[criterion.unit]
    gaps = np.concatenate([run.gaps.gap_ns for run in sample.runs]) / scale
    found = spike(
        count=int(np.count_nonzero(gaps > criterion.limit)),
        longest=float(gaps.max(initial=0.0)),
        limit=criterion.limit,
        values=int(gaps.size),
        hours=sample.minutes / 60,
        unit=criterion.unit,
        confidence=criterion.confidence,
    )
    return with_size(with_note(found, sample.shared_reads), sample), sample.sources


def stalled_share(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the share of stream time inside gaps above the stall gap of the profile."""
    sample = level_sample(evidence, int(criterion.where["streams"]))
    if (problem := sample.gap_problem) is not None:
        return problem, sample.sources
    assert isinstance(criterion.limit, float)  # noqa: S101 - a share has one bound
    profile = evidence.campaign.profile
    stall_ms = profile.gates.stall_gap.to("ms")
    histogram = sample.histogram(
        bound_ns=round(stall_ms * NANOSECONDS["ms"]),
        block_s=profile.protocol.phase2.block.to("s"),
        of=lambda run: run.read_gaps,
    )
    found = share_of_time(
        histogram,
        above_ms=stall_ms,
        limit_percent=convert(criterion.limit, criterion.unit, "%"),
        steps=sample.steps,
        minutes=sample.minutes,
        confidence=criterion.confidence,
        guard=profile.gates.quantile_guard.to("ratio"),
        planning_effect=profile.gates.planning_design_effect.to("ratio"),
        min_blocks=profile.gates.min_blocks,
    )
    found = with_note(in_unit(found, "%", criterion.unit), sample.shared_reads)
    return with_size(found, sample, int(histogram.blocks.size)), sample.sources
