"""The slope of a series whose neighbours resemble each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.distributions import student
from pytest_rawrxd.verdict.sample import Floats, finite, rising, same_length


@dataclass(frozen=True)
class Trend:
    """A slope per hour with its standard error and degrees of freedom."""

    slope: float
    error: float
    freedom: int
    n: int

    def half_width(self, confidence: float) -> float:
        """Return the one-sided half-width of the slope per hour."""
        return student(confidence, self.freedom) * self.error


def common_slope(
    hours: npt.ArrayLike, values: npt.ArrayLike, segment: npt.ArrayLike | None = None, *, lags: int
) -> Trend:
    """Return the one slope per hour that all segments share, each with a level of its own.

    ``hours``, ``values``, ``segment`` (n,), hours rising. Least squares with one dummy per segment; the error is Newey
    and West's (Econometrica 55, 1987) with Bartlett weights over ``lags`` and the n / (n - k) correction.
    EvidenceProblem when no time passes or too few values are left for the levels.
    """
    time, heights = rising(hours, "the hours"), finite(values, "the series")
    labels = np.zeros(time.size) if segment is None else np.asarray(segment)
    same_length(hours=time, values=heights, segment=labels)
    levels = (labels[:, np.newaxis] == np.unique(labels)).astype(np.float64)
    design = np.column_stack([time, levels])
    freedom = time.size - design.shape[1]
    if freedom < 1:
        raise EvidenceProblem("Too few values for a slope", found=f"{time.size} values in {levels.shape[1]} segments")
    within = time - levels @ (levels.T @ time / levels.sum(axis=0))
    if not (within**2).sum() > 0:
        raise EvidenceProblem("A slope needs time to pass within a segment")
    inverse = np.linalg.inv(design.T @ design)
    weights = inverse @ design.T @ heights
    residuals = heights - design @ weights
    covariance = inverse @ _long_run(design * residuals[:, np.newaxis], lags) @ inverse
    variance = covariance[0, 0] * time.size / freedom
    return Trend(float(weights[0]), math.sqrt(max(0.0, float(variance))), freedom, time.size)


def mean_error(values: Floats, *, lags: int) -> float:
    """Return the Newey-West standard error of the mean of ``values`` (n,), at least that of independent ones."""
    deviations = (values - values.mean())[:, np.newaxis]
    long_run = float(_long_run(deviations, lags)[0, 0]) * values.size / (values.size - 1)
    return math.sqrt(max(long_run, float(values.var(ddof=1)) * values.size)) / values.size


def lags_for(n: int) -> int:
    """Return the usual number of lags for ``n`` values: 4 (n / 100)^(2/9), Newey and West (1994)."""
    return int(4 * (n / 100) ** (2 / 9))


def _long_run(scores: Floats, lags: int) -> Floats:
    total: Floats = scores.T @ scores
    for lag in range(1, min(lags, scores.shape[0] - 1) + 1):
        cross = scores[lag:].T @ scores[:-lag]
        total += (1 - lag / (lags + 1)) * (cross + cross.T)
    return total
