"""``availability``: what all crashes that nobody asked for and the recovery times prove at least."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.soak.journal import CRASHES
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.answers.errors_under_load import observed
from pytest_rawrxd.verdict.answers.faults import usable_injections
from pytest_rawrxd.verdict.availability import availability as available
from pytest_rawrxd.verdict.means import mean_interval
from pytest_rawrxd.verdict.outcome import Answer, Finding, Interval, Verdict
from pytest_rawrxd.verdict.soak import ENDED, SoakRun, capped, usable_soak, with_soak

LEAST_STARTS = 2  #: times to ready below which their mean has no interval
TO_DO = "a soak with planned restarts, or fault injection: pytest acceptance/ -m phase2"


def availability(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge 1 / (1 + crash rate x recovery time), both at their upper bounds.

    Crashes and hours are those of the load test, of the faults outside their injections, and of the soak. Recovery is
    what the injections took; without any, what every start of an engine in the soak took.
    """
    found, problem, injected = usable_injections(evidence)
    run, soak_problem = usable_soak(evidence)
    for part, stands in ((found, problem), (run, soak_problem)):
        if part and stands is not None:  # evidence that is there and cannot be used is not passed over
            return stands, (*injected, *(run.sources if run else ()))
    sources = (*injected, *(run.sources if run else ()))
    minutes = _recovery_minutes([each.recovery_s for each in found], run, confidence=criterion.confidence)
    if minutes is None:
        said = "no engine was started again and no fault was injected: nobody knows how long recovery takes"
        return Finding(Verdict.NOT_MEASURED, said, next=TO_DO), sources
    if run is not None and (unseen := run.unseen(CRASHES)) is not None and not run.tally.crashes:
        return unseen, sources
    crashes, hours, watched = observed(evidence)
    if run is not None:
        crashes += sum(each.data["type"] in ENDED for each in run.troubles)
        hours += run.observed_h
    assert isinstance(criterion.limit, float)  # noqa: S101 - an availability has one bound
    judged = available(
        crashes,
        hours,
        recovery_minutes=minutes,
        limit_percent=convert(criterion.limit, criterion.unit, "%"),
        confidence=criterion.confidence,
    )
    if run is not None:
        judged = capped(with_soak(judged, run), run, evidence)
    return judged, (*sources, *watched)


def _recovery_minutes(injected_s: list[float], run: SoakRun | None, *, confidence: float) -> Interval | None:
    if not injected_s and run is not None:
        injected_s = [life["ready_s"] for life in run.lives if life["why"] in {"restart", "crash"}]
    if len(injected_s) < LEAST_STARTS:
        return None
    return mean_interval([seconds / 60 for seconds in injected_s], confidence=confidence)
