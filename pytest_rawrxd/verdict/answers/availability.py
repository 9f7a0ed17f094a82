"""``availability``: what all crashes that nobody asked for and the recovery times prove at least."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.soak.journal import CRASHES
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.answers.errors_under_load import observed
from pytest_rawrxd.verdict.answers.faults import usable_injections
from pytest_rawrxd.verdict.answers.soak_course import ended
from pytest_rawrxd.verdict.availability import availability as available
from pytest_rawrxd.verdict.means import mean_interval
from pytest_rawrxd.verdict.outcome import Answer, Finding, Interval, Verdict
from pytest_rawrxd.verdict.soak import SoakRun, capped, usable_soaks, with_soak

LEAST_STARTS = 2  #: times to ready below which their mean has no interval
TO_DO = "a soak with planned restarts, or fault injection: pytest acceptance/ -m phase2"


def availability(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge 1 / (1 + crash rate x recovery time), both at their upper bounds.

    Crashes and hours are those of the load test, of the faults outside their injections, and of every soak. Recovery
    is what the injections took; without any, what every start of an engine in the soaks took.
    """
    found, problem, injected = usable_injections(evidence)
    runs, soak_problem = usable_soaks(evidence)
    sources = (*injected, *(source for run in runs for source in run.sources))
    for part, stands in ((found, problem), (runs, soak_problem)):
        if part and stands is not None:  # evidence that is there and cannot be used is not passed over
            return stands, sources
    minutes = _recovery_minutes([each.recovery_s for each in found], runs, confidence=criterion.confidence)
    if minutes is None:
        said = "no engine was started again and no fault was injected: nobody knows how long recovery takes"
        return Finding(Verdict.NOT_MEASURED, said, next=TO_DO), sources
    for run in runs:
        if not run.tally.crashes and (unseen := run.unseen(CRASHES)) is not None:
            return unseen, sources
    crashes, hours, watched = observed(evidence)
    crashes += sum(ended(run) for run in runs)
    hours += sum(run.observed_h for run in runs)
    assert isinstance(criterion.limit, float)  # noqa: S101 - an availability has one bound
    judged = available(
        crashes,
        hours,
        recovery_minutes=minutes,
        limit_percent=convert(criterion.limit, criterion.unit, "%"),
        confidence=criterion.confidence,
    )
    for run in runs:
        judged = capped(with_soak(judged, run), run, evidence)
    return judged, (*sources, *watched)


def _recovery_minutes(injected_s: list[float], runs: Sequence[SoakRun], *, confidence: float) -> Interval | None:
    if not injected_s:
        lives = [life for run in runs for life in run.lives]
        injected_s = [life["ready_s"] for life in lives if life["why"] in {"restart", "crash"}]
    if len(injected_s) < LEAST_STARTS:
        return None
    return mean_interval([seconds / 60 for seconds in injected_s], confidence=confidence)
