"""Quantiles of the distributions that bounds are made of, from ``scipy.special``.

``scipy.stats`` has the same functions behind an import of 50 MB: a suite that watches a soak for two days, and looks at
its drift every hour, is promised to stay below 150 MB.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from pytest_rawrxd.verdict.sample import Floats


def student(confidence: float, freedom: float) -> float:
    """Return the quantile of Student's t with ``freedom`` degrees of freedom."""
    return float(special.stdtrit(freedom, confidence))


def students(confidence: float, freedom: npt.ArrayLike) -> Floats:
    """Return the quantiles of Student's t for each of ``freedom`` (n,)."""
    return np.asarray(special.stdtrit(np.asarray(freedom, np.float64), confidence), np.float64)


def above_student(value: float, freedom: float) -> float:
    """Return the probability of more than ``value`` under Student's t."""
    return float(special.stdtr(freedom, -value))


def chi_square(confidence: float, freedom: float) -> float:
    """Return the quantile of the chi-square distribution with ``freedom`` degrees of freedom."""
    return 2 * float(special.gammaincinv(freedom / 2, confidence))


def beta(confidence: float, hits: float, misses: float) -> float:
    """Return the quantile of the beta distribution with these two parameters, both above 0."""
    return float(special.betaincinv(hits, misses, confidence))


def normal(confidence: float) -> float:
    """Return the quantile of the standard normal distribution."""
    return float(special.ndtri(confidence))
