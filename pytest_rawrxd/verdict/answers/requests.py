"""``requests_completed``, ``request_duration``: is every request answered, and in time?"""

from __future__ import annotations

from collections import Counter

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.levels import MAIN
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.rig.engine.reasons import LENGTH
from pytest_rawrxd.verdict.counts import count_of, spike
from pytest_rawrxd.verdict.level import level_sample, load_sample, with_size
from pytest_rawrxd.verdict.load_run import LoadRun
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.quantile import NANOSECONDS

NAMED_AT_MOST = 3


def requests_completed(evidence: Evidence, criterion: Criterion) -> Answer:
    """Count the requests of the main run with every token asked for.

    Neither a busy machine nor a failed request makes a count unusable: only a missing run does.
    """
    sample = level_sample(evidence, int(criterion.where["streams"]), (MAIN,))
    if not sample.runs and sample.problem is not None:
        return sample.problem, sample.sources
    if (why := sample.untold("tokens")) is not None:
        return Finding(Verdict.NOT_MEASURED, why, next="a server that tells its tokens"), sample.sources
    assert isinstance(criterion.limit, float)  # noqa: S101 - a count has one bound
    done = sum(run.completed for run in sample.runs)
    found = count_of(done, needed=int(criterion.limit), of="requests", missing=tuple(_failures(sample.runs)))
    return with_size(found, sample), sample.sources


def request_duration(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the longest request of the load test, from the instant at which it was due to its end."""
    sample = load_sample(evidence)
    if not sample.runs and sample.problem is not None:
        return sample.problem, sample.sources
    failures = _failures(sample.runs)
    if failures:
        told = f"requests that never ended well wait for ever: {', '.join(failures)}"
        return with_size(Finding(Verdict.FAIL, told, method="count"), sample), sample.sources
    assert isinstance(criterion.limit, float)  # noqa: S101 - a spike has one bound
    scale = NANOSECONDS[criterion.unit]
    taken = np.concatenate([run.ended_ns - run.due_ns for run in sample.runs]) / scale
    found = spike(
        count=int(np.count_nonzero(taken > criterion.limit)),
        longest=float(taken.max(initial=0.0)),
        limit=criterion.limit,
        values=int(taken.size),
        hours=sample.minutes / 60,
        unit=criterion.unit,
        of="request",
        confidence=criterion.confidence,
    )
    return with_size(found, sample), sample.sources


def _failures(runs: tuple[LoadRun, ...]) -> list[str]:
    """The reasons other than the length, most frequent first: "3 x error: timeout"."""
    counted = Counter(
        reason
        for run in runs
        for reason in run.reasons
        if reason != LENGTH and ("tokens" not in run.untold or reason.startswith("error"))
    )
    return [f"{count} x {reason}" for reason, count in counted.most_common(NAMED_AT_MOST)]
