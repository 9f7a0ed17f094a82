"""Bounds from a pilot: tolerance limits of a normal sample, which say where further runs will lie.

Sources: ISO 16269-6:2014, Statistical interpretation of data, part 6; one-sided factors from the non-central t,
two-sided ones by W. G. Howe, J. American Statistical Association 64 (1969), within 0.5 % of the exact ones from five
runs on.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.distributions import chi_square, normal
from pytest_rawrxd.verdict.sample import Floats, positive

COVERAGE = 0.95
CONFIDENCE = 0.95


def one_sided_factor(n: int, *, coverage: float = COVERAGE, confidence: float = CONFIDENCE) -> float:
    """Return k so that mean - k s lies below ``coverage`` of all runs, at ``confidence``, for ``n`` runs."""
    from scipy import stats  # noqa: PLC0415 - 50 MB, and nothing else has the quantile of the non-central t

    _enough(n)
    shift = normal(coverage) * math.sqrt(n)
    return float(stats.nct.ppf(confidence, n - 1, shift)) / math.sqrt(n)


def two_sided_factor(n: int, *, coverage: float = COVERAGE, confidence: float = CONFIDENCE) -> float:
    """Return k so that mean +- k s holds ``coverage`` of all runs, at ``confidence``, for ``n`` runs."""
    _enough(n)
    middle = normal((1 + coverage) / 2)
    return middle * math.sqrt((n - 1) * (1 + 1 / n) / chi_square(1 - confidence, n - 1))


def tolerance_floor(
    values: npt.ArrayLike, *, margin: float, systematic: float, confidence: float = CONFIDENCE
) -> float:
    """Return the floor that runs like ``values`` (n,) will keep, in their unit.

    The lower one-sided limit, at least ``margin`` below the mean because one day of one board shows too little
    variation, and below it the guard that sign-off adds to a floor: 1 + 1.645 ``systematic``. ``confidence`` is also
    the share of runs that lie above it.
    """
    sample = positive(values, "the runs of the pilot")
    mean = float(sample.mean())
    factor = one_sided_factor(sample.size, coverage=confidence, confidence=confidence)
    lowest = min(mean - factor * float(sample.std(ddof=1)), mean * (1 - margin))
    if lowest <= 0:
        raise EvidenceProblem("The runs of the pilot vary too much for a floor", found=f"limit {lowest:.3g}")
    return lowest / (1 + 1.645 * systematic)


def tolerance_ceiling(values: npt.ArrayLike, *, margin: float) -> float:
    """Return the value that runs like ``values`` (n,) stay below: mean + k s, at least ``margin`` above the mean.

    EvidenceProblem where it is more than twice what was seen: that is no bound but a guess.
    """
    sample = positive(values, "the runs of the pilot")
    mean = float(sample.mean())
    limit = max(mean + one_sided_factor(sample.size) * float(sample.std(ddof=1)), mean * (1 + margin))
    return _no_guess(limit, sample)


def extreme_ceiling(values: npt.ArrayLike, *, margin: float, runs: int) -> float:
    """Return the value that the extremes of ``runs`` more runs stay below, from one extreme a run, ``values`` (n,).

    None of them may lie above, so each is covered at 0.95^(1 / runs), not at 0.95; extremes are skewed, so the limit is
    that of their logarithms. EvidenceProblem as `tolerance_ceiling`.
    """
    sample = positive(values, "the runs of the pilot")
    logs = np.log(sample)
    factor = one_sided_factor(sample.size, coverage=COVERAGE ** (1 / runs))
    limit = math.exp(float(logs.mean()) + factor * float(logs.std(ddof=1)))
    return _no_guess(max(limit, float(sample.max()) * (1 + margin)), sample)


def tolerance_band(values: npt.ArrayLike, *, margin: float) -> tuple[float, float]:
    """Return the band that runs like ``values`` (n,) will keep: mean +- k s, at least +- ``margin`` of the mean."""
    sample = positive(values, "the runs of the pilot")
    mean = float(sample.mean())
    half = max(two_sided_factor(sample.size) * float(sample.std(ddof=1)), margin * mean)
    if half >= mean:
        raise EvidenceProblem("The runs of the pilot vary too much for a band", found=f"{mean:.3g} +- {half:.3g}")
    return mean - half, mean + half


def outward(value: float, *, up: bool, digits: int = 4) -> float:
    """Return ``value`` with ``digits`` significant digits, rounded away from what it must include."""
    exponent = math.floor(math.log10(abs(value))) - digits + 1
    scaled = value / 10.0**exponent
    rounded = math.ceil(scaled - 1e-9) if up else math.floor(scaled + 1e-9)
    return float(np.format_float_positional(rounded * 10.0**exponent, precision=digits, fractional=False))


def _no_guess(limit: float, sample: Floats) -> float:
    most = float(sample.max())
    if limit > 2 * most:
        raise EvidenceProblem(
            "The runs of the pilot vary too much for a ceiling", found=f"{sample.min():.4g} to {most:.4g}"
        )
    return limit


def _enough(n: int) -> None:
    if n < 2:
        raise EvidenceProblem("A tolerance limit needs two runs", found=f"{n} runs")
