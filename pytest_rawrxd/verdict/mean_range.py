"""A value over fresh processes on the right side of a bound: the interval of the mean decides."""

from __future__ import annotations

from pytest_rawrxd.verdict.decide import decide
from pytest_rawrxd.verdict.outcome import Finding, Interval, Verdict
from pytest_rawrxd.verdict.wording import bounds, required


def mean_range(
    interval: Interval, *, direction: str, limit: float | tuple[float, float], unit: str, of: str = "mean"
) -> Finding:
    """Judge ``interval`` against a floor, a ceiling or a band, all in ``unit``: both bounds have to be on one side."""
    verdict = decide(interval.lower, interval.upper, direction=direction, limit=limit)
    return Finding(
        verdict,
        f"{of} of {interval.n} runs {bounds(interval.estimate, interval.lower, interval.upper, unit)}, "
        f"required {required(direction, limit)}",
        interval.estimate,
        interval.lower,
        interval.upper,
        None,
        interval.n,
        interval.n_eff,
        interval.method,
        next="more runs: the interval reaches over the bound" if verdict is Verdict.INCONCLUSIVE else None,
    )
