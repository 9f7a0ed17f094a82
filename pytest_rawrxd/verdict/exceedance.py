"""The share of gaps above a bound, with an interval that knows that the streams of a batch move together.

Counts are kept per time block. The variance between blocks gives the number of independent observations the sample is
worth, and a Clopper-Pearson interval at that number bounds the share: E. L. Korn and B. I. Graubard, Survey Methodology
24 (1998). Two additions of this project: the effective number is also measured at the run's own quantile, because a
run without exceedances has no variance to show, and it is never more than the number of decode steps.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.bisection import crossing
from pytest_rawrxd.verdict.distributions import beta, student
from pytest_rawrxd.verdict.outcome import Interval
from pytest_rawrxd.verdict.sample import Floats, non_negative, same_length

PLANNING_EFFECT = 60.0  #: tokens per independent observation where the run shows none (measured: 44 to 67)
MOST_FACTOR = 1e6


def share_interval(
    over: npt.ArrayLike,
    total: npt.ArrayLike,
    *,
    own_over: npt.ArrayLike,
    allowed: float,
    steps: float,
    values: float | None = None,
    confidence: float = 0.95,
    planning_effect: float = PLANNING_EFFECT,
) -> Interval:
    """Return the share sum(over) / sum(total) of B blocks between its one-sided bounds.

    ``over`` and ``total`` (B,) count values, or add up their time, above the bound and in all. ``own_over`` (B,) is the
    same for the run's own quantile at ``allowed`` (q), ``steps`` the number of decode steps, ``values`` the number of
    values where ``total`` is a time. EvidenceProblem below two blocks, on an empty block and on over > total.
    """
    exceeded, sizes = _blocks(over, total)
    observed = float(sizes.sum()) if values is None else values
    share = float(exceeded.sum() / sizes.sum())
    n_eff = min(
        effective_number(exceeded, sizes, values=observed, confidence=confidence),
        own_number(own_over, sizes, allowed=allowed, values=observed, confidence=confidence, effect=planning_effect),
        steps,
    )
    lower, upper = share_bounds(share, n_eff, confidence=confidence)
    return Interval(share, lower, upper, int(observed), n_eff, "Korn-Graubard over time blocks")


def effective_number(
    over: npt.ArrayLike, total: npt.ArrayLike, *, values: float | None = None, confidence: float = 0.95
) -> float:
    """Return n_KG, the independent observations that B blocks are worth; infinity without exceedances or variance."""
    exceeded, sizes = _blocks(over, total)
    share = float(exceeded.sum() / sizes.sum())
    count = sizes.size
    variance = count / (count - 1) * float(((exceeded - share * sizes) ** 2).sum()) / float(sizes.sum()) ** 2
    if share <= 0 or variance <= 0:
        return math.inf
    observed = float(sizes.sum()) if values is None else values
    correction = student(confidence, max(observed - 1, 1)) / student(confidence, count - 1)
    return share * (1 - share) / variance * correction**2


def own_number(
    own_over: npt.ArrayLike,
    total: npt.ArrayLike,
    *,
    allowed: float,
    values: float,
    confidence: float = 0.95,
    effect: float = PLANNING_EFFECT,
) -> float:
    """Return n_own, the effective number at the run's own quantile.

    Where ties leave less than half of the expected exceedances above that quantile, the planning design effect caps it.
    """
    exceeded, sizes = _blocks(own_over, total)
    measured = effective_number(exceeded, sizes, values=values, confidence=confidence)
    tied = float(exceeded.sum()) < allowed / 2 * float(sizes.sum())
    return min(measured, values / effect) if tied else measured


def share_bounds(share: float, n_eff: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the one-sided Clopper-Pearson bounds of ``share`` seen in ``n_eff`` independent observations."""
    hits, misses = share * n_eff, n_eff - share * n_eff
    lower = beta(1 - confidence, hits, misses + 1) if hits > 0 else 0.0
    upper = beta(confidence, hits + 1, misses) if misses > 0 else 1.0
    return lower, upper


def factor_until(interval: Interval, *, limit: float, acceptance: float, confidence: float = 0.95) -> float | None:
    """Return by what factor the evidence must grow to be decided at this share; None where no amount decides."""
    share, n_eff = interval.estimate, interval.n_eff
    if n_eff is None or acceptance <= share <= limit:
        return None

    def missing(log_factor: float) -> float:
        lower, upper = share_bounds(share, n_eff * math.exp(log_factor), confidence=confidence)
        return upper - acceptance if share < acceptance else limit - lower

    most = math.log(MOST_FACTOR)
    if missing(0.0) <= 0 or missing(most) > 0:
        return None
    return math.exp(crossing(missing, 0.0, most))


def _blocks(over: npt.ArrayLike, total: npt.ArrayLike) -> tuple[Floats, Floats]:
    exceeded, sizes = non_negative(over, "the exceedances"), non_negative(total, "the block sizes")
    same_length(over=exceeded, total=sizes)
    if sizes.size < 2:
        raise EvidenceProblem("One block has no variance between blocks", found=f"{sizes.size} blocks")
    empty = np.flatnonzero(sizes == 0)
    if empty.size:
        raise EvidenceProblem("A block is empty", where=f"block {empty[0] + 1} of {sizes.size}")
    wrong = np.flatnonzero(exceeded > sizes)
    if wrong.size:
        raise EvidenceProblem(
            "A block has more exceedances than values",
            where=f"block {wrong[0] + 1} of {sizes.size}",
            found=f"{exceeded[wrong[0]]:g} of {sizes[wrong[0]]:g}",
        )
    return exceeded, sizes
