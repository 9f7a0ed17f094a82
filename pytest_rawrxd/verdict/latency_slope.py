"""Does the mean latency stay where it began, over a soak?"""

from __future__ import annotations

import numpy.typing as npt

from pytest_rawrxd.verdict.decide import invalid, within
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.sample import positive, rising, same_length
from pytest_rawrxd.verdict.trend import common_slope, lags_for
from pytest_rawrxd.verdict.wording import bounds, duration, number, required


def latency_slope(
    hours: npt.ArrayLike,
    means: npt.ArrayLike,
    *,
    limits: tuple[float, float] = (-5.0, 5.0),
    horizon_hours: float = 48.0,
    first_hours: float = 24.0,
    min_means: int = 8,
    confidence: float = 0.95,
) -> Finding:
    """Judge "the mean latency changes by at most ``limits`` in ``horizon_hours``"; unit %.

    ``hours`` and ``means`` (n,), one mean an hour (or another bucket) in any unit, related to the mean of the first
    ``first_hours``. PASS iff both bounds of the slope over the horizon lie inside the band: a slope, because a
    difference of two hours would call noise a change. Newey-West errors with the usual number of lags.
    """
    time, level = rising(hours, "the hours"), positive(means, "the hourly means")
    same_length(hours=time, means=level)
    if time.size < min_means:
        return invalid(
            f"{time.size} means, at least {min_means} are needed",
            next_step=f"run the soak for {duration(horizon_hours)}",
            n=int(time.size),
        )
    relative = level / level[time - time[0] < first_hours].mean()
    trend = common_slope(time, relative, lags=lags_for(time.size))
    scale = 100 * horizon_hours
    half = scale * trend.half_width(confidence)
    estimate = scale * trend.slope
    lower, upper = estimate - half, estimate + half
    verdict = within(lower, upper, limits=limits)
    return Finding(
        verdict,
        f"mean latency changes by {bounds(estimate, lower, upper, '%')} in {number(horizon_hours)} h, "
        f"required {required('within', limits)} %",
        estimate,
        lower,
        upper,
        None,
        trend.n,
        None,
        "slope of relative means, Newey-West",
        next="a longer soak: the interval reaches over the limit" if verdict is Verdict.INCONCLUSIVE else None,
    )
