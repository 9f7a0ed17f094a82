"""How long until the service is back within its promise after a fault?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.profile.units import convert, readable_unit
from pytest_rawrxd.verdict.decide import at_most, invalid
from pytest_rawrxd.verdict.means import mean_interval, runs_until
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.sample import non_negative, same_length
from pytest_rawrxd.verdict.wording import bounds, number


def recovery(
    times: npt.ArrayLike,
    kinds: Sequence[str],
    *,
    limit: float = 2.0,
    longest: float | None = None,
    unit: str = "min",
    min_injections: int = 10,
    min_kinds: int = 3,
    confidence: float = 0.95,
) -> Finding:
    """Judge "the mean time to recovery is below ``limit``"; all times in ``unit``.

    ``times`` (n,) from the fault to the service being back within its promise, ``kinds`` (n,) names of the faults. A
    service that never came back counts with the time it was waited for. PASS iff the upper t bound of the mean is at
    most ``limit`` and each time is below ``longest``, which is twice the limit unless given; FAIL iff the lower bound
    is above the limit or one time is not below ``longest``.
    """
    taken = non_negative(times, "the recovery times")
    same_length(times=taken, kinds=np.asarray(kinds))
    most = 2 * limit if longest is None else longest
    distinct = sorted(set(kinds))
    if taken.size < max(2, min_injections) or len(distinct) < min_kinds:
        return invalid(
            f"{taken.size} injections of {len(distinct)} kinds, at least {min_injections} of {min_kinds} are needed",
            next_step=f"{max(0, min_injections - taken.size)} more injections, of {min_kinds} kinds in all",
            n=int(taken.size),
        )
    mean = mean_interval(taken, confidence=confidence)
    slowest = float(taken.max())
    verdict = at_most(mean.lower, mean.upper, limit=limit)
    if slowest >= most:
        verdict = Verdict.FAIL
    plan = None
    if verdict is Verdict.INCONCLUSIVE:
        needed = runs_until(mean.estimate, float(taken.std(ddof=1)), taken.size, bound=limit, confidence=confidence)
        plan = f"about {needed - taken.size} more injections" if needed else "the mean lies at the limit"
    kind = kinds[int(np.argmax(taken))]
    shown = readable_unit(slowest, unit)
    said = f"{number(convert(slowest, unit, shown))} {shown}"
    return Finding(
        verdict,
        f"mean recovery {bounds(mean.estimate, mean.lower, mean.upper, unit)}, longest {said} ({kind}); "
        f"required < {number(limit)} {unit} in the mean and < {number(most)} {unit} each",
        mean.estimate,
        mean.lower,
        mean.upper,
        limit,
        mean.n,
        mean.n_eff,
        f"{mean.method}, {len(distinct)} kinds of fault",
        next=plan,
    )
