"""``availability``: what the crashes of the soak and the recovery times prove at least."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.availability import availability as judge_availability
from pytest_rawrxd.verdict.outcome import Answer, Finding, Interval, Verdict
from pytest_rawrxd.verdict.soak import ENDED, SoakRun, capped, usable_soak, with_soak

LEAST_STARTS = 2  #: times to ready below which their mean has no interval


def availability(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge 1 / (1 + crash rate x recovery time), both at their upper bounds.

    The recovery time is that of every start of an engine in the soak: planned restarts and recoveries from crashes.
    """
    run, problem = usable_soak(evidence)
    if run is None or problem is not None:
        assert problem is not None  # noqa: S101 - without a soak there is a finding that says so
        return problem, run.sources if run else ()
    recovery = recovery_minutes(run, confidence=criterion.confidence)
    if recovery is None:
        said = "no engine was started again in the soak, so that nobody knows how long recovery takes"
        return Finding(Verdict.NOT_MEASURED, said, next="a soak with planned restarts, or fault injection"), run.sources
    assert isinstance(criterion.limit, float)  # noqa: S101 - an availability has one bound
    found = judge_availability(
        sum(each.data["type"] in ENDED for each in run.troubles),
        run.observed_h,
        recovery_minutes=recovery,
        limit_percent=convert(criterion.limit, criterion.unit, "%"),
        confidence=criterion.confidence,
    )
    return capped(with_soak(found, run), run, evidence), run.sources


def recovery_minutes(run: SoakRun, *, confidence: float) -> Interval | None:
    """Mean minutes without an engine at each start after the first, with t bounds; None below two starts."""
    took = np.array([life["ready_s"] for life in run.lives if life["why"] in {"restart", "crash"}]) / 60
    if took.size < LEAST_STARTS:
        return None
    mean = float(took.mean())
    half = float(stats.t.ppf(confidence, took.size - 1)) * float(took.std(ddof=1)) / math.sqrt(took.size)
    return Interval(mean, max(0.0, mean - half), mean + half, int(took.size), None, "Student t over starts")
