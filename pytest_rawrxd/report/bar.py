"""The bar of a criterion: where the deciding interval lies against its bound, in percent of the bar's width."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_rawrxd.report import number
from pytest_rawrxd.report.judged import Judged

REACH = 1.15  #: free space beside the farthest point, as a factor
BAND_REACH = 1.6  #: a band shows this many times its half-width
LEAST_SPAN = 0.02  #: of the bound: a bar does not magnify a difference below this


@dataclass(frozen=True)
class Bar:
    """Positions from 0 (left) to 100 (right). A side of the interval without a bound reaches the bar's end, open."""

    lower: float
    estimate: float
    upper: float
    limits: tuple[float, ...]  #: one at 50, or the two ends of a band
    kept: tuple[float, float]  #: where the bound is kept
    acceptance: float | None  #: where sign-off begins, when that is another place than the bound
    open_low: bool
    open_high: bool
    words: str  #: the same in a sentence, for those who do not see it


def bar(judged: Judged) -> Bar | None:
    """Return the bar of the quantity that decides; None without a number to draw or a bound to draw it against."""
    drawn = judged.deciding.get("estimate") is not None and judged.deciding.get("limit") is not None
    deciding = judged.deciding if drawn else None
    estimate = deciding["estimate"] if deciding else judged.estimate
    limit = deciding.get("limit") if deciding else judged.limit
    direction = str(deciding.get("direction", "<=")) if deciding else judged.direction
    unit = str(deciding.get("unit", "")) if deciding else judged.unit
    lower, upper = (deciding.get("lower"), deciding.get("upper")) if deciding else (judged.lower, judged.upper)
    acceptance = deciding.get("acceptance_limit") if deciding else judged.acceptance_limit
    edges = number.edges(limit)
    if estimate is None or not edges or direction == "==":
        return None
    points = [point for point in (estimate, lower, upper) if point is not None]
    exact = len(points) == 1  # counted or read off, not sampled: a point without an interval
    centre = sum(edges) / len(edges)
    least = (edges[-1] - edges[0]) / 2 * BAND_REACH if len(edges) == 2 else abs(centre) * LEAST_SPAN
    span = max(least, max(abs(point - centre) for point in points) * REACH) or 1.0

    def at(value: float) -> float:
        return round(min(max(50 + 50 * (value - centre) / span, 0.0), 100.0), 2)

    value, between = number.measured(estimate, lower, upper, unit, limit=limit)
    return Bar(
        lower=at(points[0]) if exact else 0.0 if lower is None else at(lower),
        estimate=at(estimate),
        upper=at(points[0]) if exact else 100.0 if upper is None else at(upper),
        limits=tuple(at(edge) for edge in edges),
        kept=(at(edges[0]), at(edges[1])) if len(edges) == 2 else (0.0, 50.0) if direction == "<=" else (50.0, 100.0),
        acceptance=at(acceptance) if isinstance(acceptance, int | float) and acceptance != centre else None,
        open_low=lower is None and not exact,
        open_high=upper is None and not exact,
        words=f"{value} {between} against {number.required(direction, limit, unit)}",
    )
