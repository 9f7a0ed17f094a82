"""Bounds on the mean of independent runs, and how many more runs would decide."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.distributions import student, students
from pytest_rawrxd.verdict.outcome import Interval
from pytest_rawrxd.verdict.sample import finite

MOST_RUNS = 1_000  #: a plan longer than this is no plan


def mean_interval(values: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return the mean of ``values`` (n,) between one-sided Student t bounds, in their unit.

    Source: W. S. Gosset (1908); each side holds at ``confidence``. EvidenceProblem below two values.
    """
    sample = finite(values, "the sample")
    if sample.size < 2:
        raise EvidenceProblem("A mean has no interval below two values", found=f"{sample.size} values")
    mean = float(sample.mean())
    half = student(confidence, sample.size - 1) * float(sample.std(ddof=1)) / math.sqrt(sample.size)
    return Interval(mean, mean - half, mean + half, sample.size, float(sample.size), "Student t")


def ratio_interval(above: npt.ArrayLike, below: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return mean(above) / mean(below) between one-sided bounds from Welch's t on the logarithms.

    ``above`` (n,) and ``below`` (m,) are positive runs in one unit; the ratio is of geometric means, which suits rates
    whose error is proportional. Source: B. L. Welch, Biometrika 34 (1947). EvidenceProblem below two runs a side.
    """
    logs = [np.log(_rates(side)) for side in (above, below)]
    variances = [float(log.var(ddof=1)) / log.size for log in logs]
    total = sum(variances)
    estimate = float(logs[0].mean() - logs[1].mean())
    half = 0.0
    if total > 0:
        freedom = total**2 / sum(v**2 / (log.size - 1) for v, log in zip(variances, logs, strict=True))
        half = student(confidence, freedom) * math.sqrt(total)
    return Interval(
        math.exp(estimate),
        math.exp(estimate - half),
        math.exp(estimate + half),
        int(min(log.size for log in logs)),
        None,
        "Welch t on log ratio",
    )


def runs_until(mean: float, deviation: float, n: int, *, bound: float, confidence: float = 0.95) -> int | None:
    """Return how many runs in all bring the t bound of this mean past ``bound``; None when no number would.

    ``bound`` is a limit that the mean is already on the right side of, at distance |mean - bound|.
    """
    distance = abs(mean - bound)
    if distance == 0 or deviation == 0:
        return None
    runs = np.arange(n + 1, MOST_RUNS)
    halves = students(confidence, runs - 1) * deviation / np.sqrt(runs)
    enough = np.flatnonzero(halves <= distance)
    return int(runs[enough[0]]) if enough.size else None


def _rates(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    sample = finite(values, "the runs of a ratio")
    if sample.size < 2 or (sample <= 0).any():
        raise EvidenceProblem(
            "A ratio needs two or more positive runs a side", found=f"{sample.size} runs, least {sample.min(initial=0)}"
        )
    return sample
