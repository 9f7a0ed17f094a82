"""A guaranteed rate: the mean of fresh processes is above the limit, and no process is below it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.verdict.decide import SYSTEMATIC, at_least, floor_acceptance
from pytest_rawrxd.verdict.means import mean_interval, runs_until
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.repeats import unusable_runs
from pytest_rawrxd.verdict.wording import bounds, number


def floor(
    values: npt.ArrayLike,
    *,
    limit: float,
    unit: str = "tok/s",
    confidence: float = 0.95,
    systematic: float = SYSTEMATIC,
    min_runs: int = 5,
    planned_runs: int = 7,
    max_cv: float = 0.05,
    durations_ns: npt.ArrayLike | None = None,
) -> Finding:
    """Judge ``values`` (n,), one mean rate a fresh process, against ``>= limit``, all in ``unit``.

    PASS iff the lower t bound is at least limit (1 + 1.645 ``systematic``) and no run is below the limit; FAIL iff the
    upper bound is below the limit. ``durations_ns`` (n,) are the raw decode times of the same runs. NaN, zero or
    negative rates: EvidenceProblem.
    """
    found = unusable_runs(
        values, min_runs=min_runs, max_cv=max_cv, durations_ns=durations_ns, planned_runs=planned_runs
    )
    if found is not None:
        return found
    sample = np.asarray(values, dtype=np.float64)
    interval = mean_interval(sample, confidence=confidence)
    accepted = floor_acceptance(limit, systematic=systematic)
    verdict = at_least(interval.lower, interval.upper, limit=limit, acceptance=accepted)
    least = float(sample.min())
    broken = verdict is Verdict.PASS and least < limit
    if broken:
        verdict = Verdict.INCONCLUSIVE
    reason = (
        f"mean of {sample.size} runs {bounds(interval.estimate, interval.lower, interval.upper, unit)}, "
        f"slowest {number(least)}, required >= {number(limit)}, sign-off from {number(accepted)}"
    )
    return Finding(
        verdict,
        reason,
        interval.estimate,
        interval.lower,
        interval.upper,
        accepted,
        interval.n,
        interval.n_eff,
        f"{interval.method}, no run below the limit",
        next=_next(sample, interval.estimate, limit, accepted, confidence, broken=broken)
        if verdict is Verdict.INCONCLUSIVE
        else None,
    )


def _next(
    sample: npt.NDArray[np.float64], mean: float, limit: float, accepted: float, confidence: float, *, broken: bool
) -> str:
    if broken:
        slow = int(sample.argmin())
        return f"find out why run {slow + 1} was below the limit; more runs do not remove it, a new campaign does"
    if limit <= mean <= accepted:
        return "no number of runs decides at this mean: it lies between the limit and what sign-off accepts"
    bound = limit if mean < limit else accepted
    runs = runs_until(mean, float(sample.std(ddof=1)), sample.size, bound=bound, confidence=confidence)
    return (
        f"about {runs - sample.size} more runs" if runs else "the mean is too close to the limit to be decided by runs"
    )
