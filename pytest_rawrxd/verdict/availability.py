"""What a soak proves about crashes and availability."""

from __future__ import annotations

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.counts import rate_interval
from pytest_rawrxd.verdict.decide import at_least, invalid
from pytest_rawrxd.verdict.outcome import Finding, Interval, Verdict
from pytest_rawrxd.verdict.wording import bounds, duration, number


def mean_time_between_failures(crashes: int, hours: float, *, confidence: float = 0.95) -> Interval:
    """Return the mean hours between crashes; the lower bound is what ``hours`` with ``crashes`` prove.

    48 h without a crash prove 16 h at 95 %. Without a crash there is no upper bound, and the estimate is the lower one.
    EvidenceProblem on a negative count or no time.
    """
    rate = rate_interval(crashes, hours, confidence=confidence)
    lower = 1 / _upper(rate)
    if not crashes:
        return Interval(lower, lower, None, 0, None, rate.method)
    return Interval(hours / crashes, lower, 1 / rate.lower if rate.lower else None, crashes, None, rate.method)


def availability(
    crashes: int,
    hours: float,
    *,
    recovery_minutes: Interval,
    limit_percent: float = 99.5,
    confidence: float = 0.95,
) -> Finding:
    """Judge "available for at least ``limit_percent`` of the time"; unit %.

    The bound is 1 / (1 + upper crash rate x upper mean recovery time), ``recovery_minutes`` being the interval of the
    mean recovery time. Planned maintenance is not in it: that is the operator's declaration.
    """
    if hours <= 0:
        return invalid("no time was observed for crashes", next_step="run the soak")
    if recovery_minutes.upper is None or recovery_minutes.upper < 0:
        return invalid(
            "the mean recovery time has no upper bound", next_step="inject at least 10 faults of 3 kinds", n=crashes
        )
    rate = rate_interval(crashes, hours, confidence=confidence)
    recovery_hours = recovery_minutes.upper / 60
    lower = 100 / (1 + _upper(rate) * recovery_hours)
    upper = 100 / (1 + (rate.lower or 0.0) * (recovery_minutes.lower or 0.0) / 60)
    estimate = 100 / (1 + rate.estimate * recovery_minutes.estimate / 60)
    verdict = at_least(lower, upper, limit=limit_percent)
    plan = None
    if verdict is Verdict.INCONCLUSIVE:
        needed = hours_needed(crashes, recovery_hours, limit_percent=limit_percent, confidence=confidence)
        plan = f"{duration(max(0.0, needed - hours))} more without a further crash"
    return Finding(
        verdict,
        f"availability {bounds(estimate, lower, upper, '%')}, required >= {number(limit_percent)} %; {crashes} crashes "
        f"in {number(hours)} h, mean recovery <= {number(recovery_minutes.upper)} min",
        estimate,
        lower,
        upper,
        limit_percent,
        crashes,
        method="1 / (1 + crash rate bound x recovery bound)",
        next=plan,
    )


def hours_needed(
    crashes: int, recovery_hours: float, *, limit_percent: float = 99.5, confidence: float = 0.95
) -> float:
    """Return after how many hours with ``crashes`` the availability bound reaches ``limit_percent``."""
    if not 0 < limit_percent < 100:
        raise EvidenceProblem("An availability that no time can prove", found=f"{limit_percent} %")
    allowed = 100 / limit_percent - 1
    return _upper(rate_interval(crashes, 1.0, confidence=confidence)) * recovery_hours / allowed


def _upper(rate: Interval) -> float:
    if rate.upper is None:
        raise EvidenceProblem("A crash rate without an upper bound")
    return rate.upper
