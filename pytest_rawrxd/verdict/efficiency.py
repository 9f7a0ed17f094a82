"""How much of N times one stream do N streams reach?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.decide import at_least
from pytest_rawrxd.verdict.means import ratio_interval
from pytest_rawrxd.verdict.outcome import Finding, Interval, Verdict
from pytest_rawrxd.verdict.repeats import unusable_runs
from pytest_rawrxd.verdict.wording import bounds, number


def efficiency_interval(many: npt.ArrayLike, one: npt.ArrayLike, *, streams: int, confidence: float = 0.95) -> Interval:
    """Return E(N) = X(N) / (N X(1)) in % between its one-sided Welch bounds; for a graph over N."""
    if streams < 1:
        raise EvidenceProblem("An efficiency needs streams", found=str(streams))
    ratio = ratio_interval(many, one, confidence=confidence)
    lower, upper = (None if end is None else 100 * end / streams for end in (ratio.lower, ratio.upper))
    return Interval(100 * ratio.estimate / streams, lower, upper, ratio.n, ratio.n_eff, ratio.method)


def efficiency(
    many: npt.ArrayLike,
    one: npt.ArrayLike,
    *,
    streams: int,
    limit_percent: float = 75.0,
    min_runs: int = 5,
    max_cv: float = 0.05,
    confidence: float = 0.95,
) -> Finding:
    """Judge "``streams`` streams reach ``limit_percent`` of ``streams`` times one stream"; unit %.

    ``many`` (n,) and ``one`` (m,) are aggregate tokens per second of the runs with N streams and with one, interleaved
    in one session. Both rates share a clock, so the limit carries no guard.
    """
    for runs in (many, one):
        found = unusable_runs(runs, min_runs=min_runs, max_cv=max_cv)
        if found is not None:
            return found
    interval = efficiency_interval(many, one, streams=streams, confidence=confidence)
    verdict = at_least(interval.lower, interval.upper, limit=limit_percent)
    return Finding(
        verdict,
        f"efficiency {bounds(interval.estimate, interval.lower, interval.upper, '%')} at {streams} streams "
        f"({number(_mean(many))} tok/s against {number(_mean(one))} with one), "
        f"required >= {number(limit_percent)} %",
        interval.estimate,
        interval.lower,
        interval.upper,
        limit_percent,
        interval.n,
        None,
        interval.method,
        next="more interleaved runs: the interval reaches over the limit" if verdict is Verdict.INCONCLUSIVE else None,
    )


def _mean(runs: npt.ArrayLike) -> float:
    return float(np.asarray(runs, dtype=np.float64).mean())
