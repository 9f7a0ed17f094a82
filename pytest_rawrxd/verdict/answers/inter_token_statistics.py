"""``mean_inter_token_latency``, ``inter_token_quantile``: what the roadmap expects of the gaps."""

from __future__ import annotations

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.cell import with_note
from pytest_rawrxd.verdict.decide import decide, invalid
from pytest_rawrxd.verdict.level import LevelSample, level_sample, with_size
from pytest_rawrxd.verdict.mean_range import mean_range
from pytest_rawrxd.verdict.means import mean_interval
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.quantile import quantile_interval
from pytest_rawrxd.verdict.wording import bounds, required

LEAST_RUNS = LEAST_BLOCKS = 2  #: below, there is no interval


def mean_inter_token_latency(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the mean gap over runs against the bound."""
    sample = level_sample(evidence, int(criterion.where["streams"]))
    found = sample.gap_problem or _mean(criterion, sample)
    return with_size(with_note(found, sample.shared_reads), sample), sample.sources


def inter_token_quantile(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the interval of the pooled quantile against the bound."""
    sample = level_sample(evidence, int(criterion.where["streams"]))
    found = sample.gap_problem or _quantile(evidence, criterion, sample)
    return with_size(with_note(found, sample.shared_reads), sample), sample.sources


def _mean(criterion: Criterion, sample: LevelSample) -> Finding:
    means = np.array([run.gaps.gap_ns.mean() for run in sample.runs if len(run.gaps)])
    if means.size < LEAST_RUNS:
        return invalid(f"{means.size} runs, at least {LEAST_RUNS} are needed", next_step="more runs", n=means.size)
    assert not isinstance(criterion.limit, bool)  # noqa: S101 - a time is never promised as yes or no
    return mean_range(
        mean_interval(means * convert(1e-9, "s", criterion.unit), confidence=criterion.confidence),
        direction=criterion.direction,
        limit=criterion.limit,
        unit=criterion.unit,
    )


def _quantile(evidence: Evidence, criterion: Criterion, sample: LevelSample) -> Finding:
    profile = evidence.campaign.profile
    histogram = sample.histogram(bound_ns=0, block_s=profile.protocol.phase2.block.to("s"))
    if histogram.blocks.size < LEAST_BLOCKS:
        return invalid(
            f"{histogram.blocks.size} time blocks, at least {LEAST_BLOCKS} are needed", next_step="more runs"
        )
    percentile = int(criterion.where["percentile"])
    interval = quantile_interval(
        histogram,
        quantile=percentile / 100,
        steps=sample.steps,
        unit=criterion.unit,
        confidence=criterion.confidence,
        planning_effect=profile.gates.planning_design_effect.to("ratio"),
    )
    assert not isinstance(criterion.limit, bool)  # noqa: S101 - a time is never promised as yes or no
    verdict = decide(interval.lower, interval.upper, direction=criterion.direction, limit=criterion.limit)
    return Finding(
        verdict,
        f"P{percentile} {bounds(interval.estimate, interval.lower, interval.upper, criterion.unit)}, "
        f"required {required(criterion.direction, criterion.limit)}",
        interval.estimate,
        interval.lower,
        interval.upper,
        None,
        interval.n,
        interval.n_eff,
        interval.method,
        next="more runs: the interval reaches over the bound" if verdict is Verdict.INCONCLUSIVE else None,
    )
