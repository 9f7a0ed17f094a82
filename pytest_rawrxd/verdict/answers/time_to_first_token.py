"""``time_to_first_token``: the wait from the instant at which a request was due, under open-loop load."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.histogram import MOST_NS, Histogram, record
from pytest_rawrxd.measure.levels import OPEN
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.rig.engine.reasons import LENGTH
from pytest_rawrxd.verdict.level import BLOCKS_OF_A_RUN, LevelSample, level_sample, with_size
from pytest_rawrxd.verdict.load_run import LoadRun
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.quantile import NANOSECONDS, quantile
from pytest_rawrxd.verdict.sample import Integers


def time_to_first_token(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the share of requests whose first token is later than the bound; a failed request waits for ever.

    Only a server has requests that come while others run. In process the figure of a server beside the engine under
    test is shown, where the criterion is informative, and says whose it is.
    """
    streams = int(criterion.where["streams"])
    for beside in (None, *(evidence.campaign.profile.protocol.phase2.beside if criterion.informative else ())):
        sample = level_sample(evidence, streams, (OPEN,), beside=beside)
        if sample.sources:
            found = _judged(evidence, criterion, sample)
            note = f"; on {beside}, beside the engine under test" if beside else ""
            return with_size(replace(found, reason=found.reason + note), sample), sample.sources
    said = "requests that come at their own instants need a server; in process a request begins when a slot is free"
    return Finding(Verdict.NOT_MEASURED, said, next="--sla-engine llama-server"), ()


def _judged(evidence: Evidence, criterion: Criterion, sample: LevelSample) -> Finding:
    if sample.problem is not None:
        return sample.problem
    if (why := sample.untold("ttft")) is not None:
        return Finding(Verdict.NOT_MEASURED, why, next="a server that streams its tokens")
    assert isinstance(criterion.limit, float)  # noqa: S101 - a quantile has one bound
    assert criterion.quantile is not None  # noqa: S101 - the profile gives each one of this kind its quantile
    gates, load = evidence.campaign.profile.gates, evidence.campaign.profile.protocol.phase2
    histogram = _histogram(
        sample, bound_ns=round(criterion.limit * NANOSECONDS[criterion.unit]), block_s=load.block.to("s")
    )
    return quantile(
        histogram,
        quantile=criterion.quantile,
        bound=criterion.limit,
        steps=histogram.total,
        unit=criterion.unit,
        of="requests",
        confidence=criterion.confidence,
        guard=gates.quantile_guard.to("ratio"),
        planning_effect=gates.planning_design_effect.to("ratio"),
        min_blocks=gates.min_blocks,
    )


def _histogram(sample: LevelSample, *, bound_ns: int, block_s: float) -> Histogram:
    """Every wait in the block in which its request was due."""
    blocks = [
        ((run.due_ns - run.due_ns.min()) / (block_s * 1e9)).astype(np.int64) + position * BLOCKS_OF_A_RUN
        for position, run in enumerate(sample.runs)
    ]
    waits = np.concatenate([first_token_ns(run) for run in sample.runs])
    return record(waits, block=np.concatenate(blocks), bounds_ns=[bound_ns])


def first_token_ns(run: LoadRun) -> Integers:
    """The wait of each request (k,); of one that failed, longer than any histogram counts."""
    waits = np.full(len(run.reasons), MOST_NS + 1, np.int64)
    good = (np.array(run.reasons) == LENGTH) & (np.diff(run.offsets) > 0)
    waits[good] = run.stamps_ns[run.offsets[:-1][good]] - run.due_ns[good]
    return waits
