"""A latency quantile: ``P95 <= 50 ms`` is kept when few enough gaps, or little enough time, exceed 50 ms.

The exceedance share decides, the quantile is shown beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_rawrxd.measure.histogram import Histogram, Integers
from pytest_rawrxd.verdict.decide import GUARD, at_most, exceedance_acceptance, invalid
from pytest_rawrxd.verdict.exceedance import PLANNING_EFFECT, factor_until, own_number, share_bounds, share_interval
from pytest_rawrxd.verdict.outcome import Finding, Interval, Verdict
from pytest_rawrxd.verdict.wording import bounds, duration, number

NANOSECONDS = {"us": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9}


@dataclass(frozen=True)
class _Judged:
    share: Interval
    lower: float
    upper: float
    allowed: float
    acceptance: float
    verdict: Verdict
    next: str | None

    def percent(self, subject: str) -> str:
        share, lower, upper = (number(100 * part) for part in (self.share.estimate, self.lower, self.upper))
        return f"{share} % [{lower}, {upper}] {subject}"

    def deciding(self, quantity: str) -> dict[str, Any]:
        return {
            "quantity": quantity,
            "unit": "%",
            "estimate": 100 * self.share.estimate,
            "lower": 100 * self.lower,
            "upper": 100 * self.upper,
            "limit": 100 * self.allowed,
            "acceptance_limit": 100 * self.acceptance,
        }


def quantile(
    histogram: Histogram,
    *,
    quantile: float,
    bound: float,
    steps: int,
    unit: str = "ms",
    of: str = "gaps",
    by_time: bool = False,
    minutes: float | None = None,
    confidence: float = 0.95,
    guard: float = GUARD,
    planning_effect: float = PLANNING_EFFECT,
    min_blocks: int = 10,
) -> Finding:
    """Judge "the ``quantile`` of all gaps is <= ``bound``" from the blocks of a histogram; ``unit`` us, ms, s or min.

    PASS iff the upper bound of the share above ``bound`` is at most ``guard`` (1 - quantile), FAIL iff its lower
    bound is above 1 - quantile. ``by_time`` weights each gap with its length. ``steps`` is the number of decode steps
    (of requests, for one value a request), ``minutes`` the measured time, for the plan. The histogram needs an exact
    counter at the bound: EvidenceProblem without.
    """
    found = _unusable(histogram, min_blocks)
    if found is not None:
        return found
    judged = _judge(
        histogram,
        quantile=quantile,
        bound_ns=round(bound * NANOSECONDS[unit]),
        by_time=by_time,
        steps=steps,
        minutes=minutes,
        confidence=confidence,
        guard=guard,
        planning_effect=planning_effect,
    )
    shown = quantile_interval(
        histogram,
        quantile=quantile,
        steps=steps,
        unit=unit,
        by_time=by_time,
        confidence=confidence,
        planning_effect=planning_effect,
    )
    subject = f"of the time is in {of} above" if by_time else f"of {of} exceed"
    reason = (
        f"P{number(100 * quantile)} {bounds(shown.estimate, shown.lower, shown.upper, unit)}; "
        f"{judged.percent(subject)} {number(bound)} {unit}, sign-off allows {number(100 * judged.acceptance)} %"
    )
    return Finding(
        judged.verdict,
        reason,
        shown.estimate,
        shown.lower,
        shown.upper,
        None,
        judged.share.n,
        judged.share.n_eff,
        judged.share.method,
        judged.deciding(f"share of {'time in ' if by_time else ''}{of} above {number(bound)} {unit}"),
        judged.next,
    )


def share_of_time(
    histogram: Histogram,
    *,
    above_ms: float,
    limit_percent: float,
    steps: int,
    minutes: float | None = None,
    confidence: float = 0.95,
    guard: float = GUARD,
    planning_effect: float = PLANNING_EFFECT,
    min_blocks: int = 10,
) -> Finding:
    """Judge "at most ``limit_percent`` of the time is spent in gaps above ``above_ms``"; unit %.

    The stalled share. The same rule as `quantile` by time; estimate, bounds and acceptance limit are in per cent.
    """
    found = _unusable(histogram, min_blocks)
    if found is not None:
        return found
    judged = _judge(
        histogram,
        quantile=1 - limit_percent / 100,
        bound_ns=round(above_ms * NANOSECONDS["ms"]),
        by_time=True,
        steps=steps,
        minutes=minutes,
        confidence=confidence,
        guard=guard,
        planning_effect=planning_effect,
    )
    reason = (
        f"{judged.percent('of the time is in gaps above')} {number(above_ms)} ms, "
        f"sign-off allows {number(100 * judged.acceptance)} %"
    )
    return Finding(
        judged.verdict,
        reason,
        100 * judged.share.estimate,
        100 * judged.lower,
        100 * judged.upper,
        100 * judged.acceptance,
        judged.share.n,
        judged.share.n_eff,
        judged.share.method,
        next=judged.next,
    )


def quantile_interval(
    histogram: Histogram,
    *,
    quantile: float,
    steps: int,
    unit: str = "ms",
    by_time: bool = False,
    confidence: float = 0.95,
    planning_effect: float = PLANNING_EFFECT,
) -> Interval:
    """Return a quantile in ``unit`` between its one-sided bounds, for display.

    The bounds of the share above the quantile, read back from the histogram: R. S. Woodruff, J. American Statistical
    Association 47 (1952). EvidenceProblem below two blocks.
    """
    allowed = _allowed(quantile)
    total, own = _own(histogram, quantile, by_time=by_time)
    measured = own_number(
        own, total, allowed=allowed, values=histogram.total, confidence=confidence, effect=planning_effect
    )
    n_eff = min(measured, steps)
    lower, upper = share_bounds(allowed, n_eff, confidence=confidence)
    at = [
        histogram.read_ns(histogram.quantile_bin(share, by_time=by_time)) / NANOSECONDS[unit]
        for share in (quantile, 1 - upper, 1 - lower)
    ]
    return Interval(at[0], at[1], at[2], histogram.total, n_eff, "Woodruff")


def design_effect(histogram: Histogram, quantile: float, *, confidence: float = 0.95) -> float:
    """Return how many gaps count as one independent gap at the histogram's own quantile: gaps / n_own, at least 1.

    EvidenceProblem below two blocks.
    """
    total, own = _own(histogram, quantile, by_time=False)
    allowed = _allowed(quantile)
    independent = own_number(own, total, allowed=allowed, values=histogram.total, confidence=confidence, effect=1.0)
    return histogram.total / min(independent, histogram.total)


def _unusable(histogram: Histogram, min_blocks: int) -> Finding | None:
    if histogram.total == 0:
        return invalid("empty sample: no gap was recorded", next_step=f"measure at least {min_blocks} blocks")
    blocks = histogram.blocks.size
    if blocks < max(2, min_blocks):
        return invalid(
            f"{blocks} time blocks, at least {min_blocks} are needed",
            next_step=f"measure {min_blocks - blocks} more blocks",
            n=histogram.total,
        )
    return None


def _allowed(quantile: float) -> float:
    return round(1 - quantile, 12)  # 1 - 0.95 is not 0.05 in binary


def _own(histogram: Histogram, quantile: float, *, by_time: bool) -> tuple[Integers, Integers]:
    """Return the size of each block, and its part above the run's own quantile."""
    edge = histogram.quantile_bin(quantile, by_time=by_time)
    if by_time:
        return histogram.total_ns, histogram.time_above(edge).clip(max=histogram.total_ns)
    return histogram.totals, histogram.above(edge)


def _judge(
    histogram: Histogram,
    *,
    quantile: float,
    bound_ns: int,
    by_time: bool,
    steps: int,
    minutes: float | None,
    confidence: float,
    guard: float,
    planning_effect: float,
) -> _Judged:
    allowed = _allowed(quantile)
    total, own = _own(histogram, quantile, by_time=by_time)
    column = histogram.bound(bound_ns)
    share = share_interval(
        (histogram.over_ns if by_time else histogram.over)[:, column],
        total,
        own_over=own,
        allowed=allowed,
        steps=steps,
        values=histogram.total,
        confidence=confidence,
        planning_effect=planning_effect,
    )
    lower, upper = share_bounds(share.estimate, share.n_eff or 0.0, confidence=confidence)
    acceptance = exceedance_acceptance(allowed, guard=guard)
    verdict = at_most(lower, upper, limit=allowed, acceptance=acceptance)
    plan = None
    if verdict is Verdict.INCONCLUSIVE:
        plan = _plan(share, allowed, acceptance, minutes, confidence)
    return _Judged(share, lower, upper, allowed, acceptance, verdict, plan)


def _plan(share: Interval, allowed: float, acceptance: float, minutes: float | None, confidence: float) -> str:
    factor = factor_until(share, limit=allowed, acceptance=acceptance, confidence=confidence)
    if factor is None:
        return "no length of run decides at this share: it lies between what sign-off allows and the limit"
    if minutes is None:
        return f"about {number(factor)} times as much evidence in all"
    return f"about {duration((factor - 1) * minutes / 60)} more"
