"""The decision algebra: when does an interval keep, break or leave open a limit?

A limit ``<= L`` with acceptance limit A is kept iff the upper bound is at most A, broken iff the lower bound is above
L, and open otherwise; ``>= L`` is the mirror image. Both bounds are one-sided at the criterion's confidence. The
acceptance limit ("guarded acceptance", JCGM 106:2012) keeps a false acceptance below alpha where the
measurement itself has an error that repeating does not remove.
"""

from __future__ import annotations

import math

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.outcome import Finding, Verdict

RESOLUTION = 1e-9  #: relative distance below which floating point, and not the engine, would decide
SYSTEMATIC = 0.001  #: relative systematic uncertainty of a rate: clock, counting at both ends of the window
GUARD = 0.8  #: share of the allowed exceedance that sign-off uses


def floor_acceptance(limit: float, *, systematic: float = SYSTEMATIC) -> float:
    """Return the acceptance limit of a floor: ``limit`` (1 + 1.645 u_sys), in the limit's unit."""
    return limit * (1 + 1.645 * systematic)


def exceedance_acceptance(allowed: float, *, guard: float = GUARD) -> float:
    """Return the acceptance limit of an exceedance share: ``guard`` x ``allowed`` (0.8 q)."""
    return guard * allowed


def at_most(lower: float | None, upper: float | None, *, limit: float, acceptance: float | None = None) -> Verdict:
    """Decide ``<= limit`` from one-sided bounds; a bound that is None decides nothing. NaN: EvidenceProblem."""
    accepted = limit if acceptance is None else acceptance
    _refuse_nan(lower, upper, limit, accepted)
    if upper is not None and upper <= accepted and not _touches(upper, accepted):
        return Verdict.PASS
    if lower is not None and lower > limit and not _touches(lower, limit):
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE


def at_least(lower: float | None, upper: float | None, *, limit: float, acceptance: float | None = None) -> Verdict:
    """Decide ``>= limit`` from one-sided bounds; a bound that is None decides nothing. NaN: EvidenceProblem."""
    accepted = limit if acceptance is None else acceptance
    return at_most(
        None if upper is None else -upper, None if lower is None else -lower, limit=-limit, acceptance=-accepted
    )


def within(lower: float | None, upper: float | None, *, limits: tuple[float, float]) -> Verdict:
    """Decide ``limits[0] <= x <= limits[1]``: PASS iff both bounds are inside, FAIL iff both are beyond one end."""
    low, high = limits
    if low > high:
        raise EvidenceProblem("A band whose lower end is above its upper end", found=f"[{low}, {high}]")
    sides = (at_least(lower, upper, limit=low), at_most(lower, upper, limit=high))
    if Verdict.FAIL in sides:
        return Verdict.FAIL
    return Verdict.PASS if sides == (Verdict.PASS, Verdict.PASS) else Verdict.INCONCLUSIVE


def decide(lower: float | None, upper: float | None, *, direction: str, limit: float | tuple[float, float]) -> Verdict:
    """Decide by a criterion's ``direction`` ("<=", ">=", "within") and ``limit``, which is a pair for a band."""
    if direction == "within" and isinstance(limit, tuple):
        return within(lower, upper, limits=limit)
    if direction == "<=" and not isinstance(limit, tuple):
        return at_most(lower, upper, limit=limit)
    if direction == ">=" and not isinstance(limit, tuple):
        return at_least(lower, upper, limit=limit)
    raise EvidenceProblem(
        "A direction that does not go with its limit",
        found=f"{direction} {limit}",
        possible="<= or >= with one number, within with two",
    )


def invalid(reason: str, *, next_step: str, n: int = 0, method: str = "") -> Finding:
    """Return the finding of evidence that cannot be used, with the step that repairs it."""
    return Finding(Verdict.INVALID, reason, n=n, method=method, next=next_step)


def _touches(value: float, limit: float) -> bool:
    return math.isclose(value, limit, rel_tol=RESOLUTION, abs_tol=0.0)


def _refuse_nan(*values: float | None) -> None:
    if any(value is not None and math.isnan(value) for value in values):
        raise EvidenceProblem(
            "A bound or a limit is not a number", found=str(values), possible="None where a side has no bound"
        )
