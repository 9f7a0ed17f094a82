"""Is the device as busy as promised while it is loaded?"""

from __future__ import annotations

import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.decide import invalid, within
from pytest_rawrxd.verdict.distributions import student
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.sample import non_negative
from pytest_rawrxd.verdict.trend import lags_for, mean_error
from pytest_rawrxd.verdict.wording import bounds, duration, required


def utilisation(
    means_percent: npt.ArrayLike,
    *,
    limits: tuple[float, float] = (90.0, 98.0),
    confidence: float = 0.95,
    min_means: int = 10,
    minutes_each: float = 1.0,
) -> Finding:
    """Judge the mean utilisation against a band, from ``means_percent`` (n,) of 60 s of loaded time each; unit %.

    Two one-sided t tests, the error from Newey and West where neighbouring minutes resemble each other. A value above
    100 %: EvidenceProblem.
    """
    sample = non_negative(means_percent, "the utilisation")
    if (sample > 100).any():
        raise EvidenceProblem("A utilisation above 100 %", found=f"{sample.max()} %")
    if sample.size < max(2, min_means):
        return invalid(
            f"{sample.size} means of loaded time, at least {min_means} are needed",
            next_step=f"{duration((min_means - sample.size) * minutes_each / 60)} more under load",
            n=int(sample.size),
        )
    mean = float(sample.mean())
    half = student(confidence, sample.size - 1) * mean_error(sample, lags=lags_for(sample.size))
    verdict = within(mean - half, mean + half, limits=limits)
    return Finding(
        verdict,
        f"utilisation {bounds(mean, mean - half, mean + half, '%')} under load, required {required('within', limits)}",
        mean,
        mean - half,
        mean + half,
        None,
        int(sample.size),
        None,
        "TOST of loaded minutes, Newey-West",
        next="more loaded minutes: the interval reaches over the band" if verdict is Verdict.INCONCLUSIVE else None,
    )
