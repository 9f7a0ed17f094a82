"""How much evidence a promise needs before it can be decided, from the same formulas that decide it."""

from __future__ import annotations

import math

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.bisection import crossing
from pytest_rawrxd.verdict.distributions import student
from pytest_rawrxd.verdict.exceedance import share_bounds

MOST_VALUES = 1e9


def values_without_exceedance(allowed: float, *, confidence: float = 0.95) -> float:
    """Return how many independent values, none above its bound, prove that at most ``allowed`` of all exceed it.

    Solves (1 - allowed)^n = 1 - confidence. EvidenceProblem on a share that is not between 0 and 1.
    """
    _share(allowed)
    return math.log(1 - confidence) / math.log(1 - allowed)


def values_at_share(share: float, acceptance: float, *, confidence: float = 0.95) -> float:
    """Return how many independent values prove ``acceptance`` when ``share`` < acceptance of them exceed the bound."""
    _share(acceptance)
    if not 0 < share < acceptance:
        raise EvidenceProblem(
            "A share that no sample proves", found=f"{share}", possible=f"more than 0, below {acceptance}"
        )

    def missing(log_values: float) -> float:
        return share_bounds(share, math.exp(log_values), confidence=confidence)[1] - acceptance

    return math.exp(crossing(missing, 0.0, math.log(MOST_VALUES)))


def mean_half_width(cv: float, runs: int, *, confidence: float = 0.95) -> float:
    """Return the one-sided half-width of the mean of ``runs`` runs, as a share of it, at a run-to-run ``cv``."""
    if runs < 2:
        raise EvidenceProblem("A mean has no interval below two runs", found=f"{runs} runs")
    return student(confidence, runs - 1) * cv / math.sqrt(runs)


def largest_cv(margin: float, runs: int, *, confidence: float = 0.95) -> float:
    """Return the run-to-run variation at which the half-width of ``runs`` runs is just ``margin``, both shares."""
    return margin / mean_half_width(1.0, runs, confidence=confidence)


def drift_hours(limit_mb: float, *, horizon_hours: float, page_mb: float) -> float:
    """Return the shortest process life, in h, whose page quantum over the horizon stays inside ``limit_mb``."""
    if limit_mb <= 0:
        raise EvidenceProblem("A drift that no soak can show", found=f"{limit_mb} MB")
    return horizon_hours * page_mb / limit_mb


def leak_seen(hours: float, *, page_mb: float) -> float:
    """Return the smallest leak in MB/h that a process life of ``hours`` can exclude: one page over its length."""
    return page_mb / hours


def _share(allowed: float) -> None:
    if not 0 < allowed < 1:
        raise EvidenceProblem("A share that no sample proves", found=str(allowed), possible="more than 0, less than 1")
