"""How long until the service is back within its promise after a fault?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.verdict.decide import at_most, invalid
from pytest_rawrxd.verdict.means import mean_interval, runs_until
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.sample import non_negative
from pytest_rawrxd.verdict.wording import bounds, number


def recovery(
    seconds: npt.ArrayLike,
    kinds: Sequence[str],
    *,
    limit_s: float = 120.0,
    longest_s: float = 240.0,
    min_injections: int = 10,
    min_kinds: int = 3,
    confidence: float = 0.95,
) -> Finding:
    """Judge "the mean time to recovery is below ``limit_s``"; unit s.

    ``seconds`` (n,) from the fault to the service being back within its promise, ``kinds`` (n,) names of the faults. A
    service that never came back counts with the time it was waited for. PASS iff the upper t bound of the mean is at
    most ``limit_s`` and each time is below ``longest_s``; FAIL iff the lower bound is above the limit or one time is
    not below ``longest_s``.
    """
    times = non_negative(seconds, "the recovery times")
    distinct = sorted(set(kinds))
    if times.size < max(2, min_injections) or len(distinct) < min_kinds or len(kinds) != times.size:
        return invalid(
            f"{times.size} injections of {len(distinct)} kinds, at least {min_injections} of {min_kinds} are needed",
            next_step=f"{max(0, min_injections - times.size)} more injections, of {min_kinds} kinds in all",
            n=int(times.size),
        )
    mean = mean_interval(times, confidence=confidence)
    longest = float(times.max())
    verdict = at_most(mean.lower, mean.upper, limit=limit_s)
    if longest >= longest_s:
        verdict = Verdict.FAIL
    plan = None
    if verdict is Verdict.INCONCLUSIVE:
        needed = runs_until(mean.estimate, float(times.std(ddof=1)), times.size, bound=limit_s, confidence=confidence)
        plan = f"about {needed - times.size} more injections" if needed else "the mean lies at the limit"
    slowest = kinds[int(np.argmax(times))]
    return Finding(
        verdict,
        f"mean recovery {bounds(mean.estimate, mean.lower, mean.upper, 's')}, longest {number(longest)} s ({slowest}); "
        f"required < {number(limit_s)} s in the mean and < {number(longest_s)} s each",
        mean.estimate,
        mean.lower,
        mean.upper,
        limit_s,
        mean.n,
        mean.n_eff,
        f"{mean.method}, {len(distinct)} kinds of fault",
        next=plan,
    )
