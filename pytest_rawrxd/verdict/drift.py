"""Does memory leak? Restarts reset a leak, so each process life has a level of its own and all share one slope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.verdict.decide import at_most, invalid, within
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.sample import Floats, non_negative, rising, same_length
from pytest_rawrxd.verdict.trend import Trend, common_slope
from pytest_rawrxd.verdict.wording import bounds, duration, number, required

PAGE_MB = 2.097152  #: memory is handed out in pages of 2 MiB; a slope below one page a life cannot be seen
LOOKS_H = (6.0, 12.0, 24.0, 36.0)  #: when a running soak may already fail
_ROUNDING_H = 1 / 3600  #: a soak of 47:59:59 is one of 48 h
LOOK_CONFIDENCE = 0.999  #: Haybittle-Peto: an early look spends almost nothing of alpha


@dataclass(frozen=True, eq=False)
class Held:
    """Memory samples taken under a held engine, settled: hours (n,), MB (n,) and process life (n,)."""

    hours: Floats
    mb: Floats
    segment: npt.NDArray[np.int64]
    observed: float  #: hours of the soak, the unsettled ones and the last sampling interval included

    @property
    def longest(self) -> float:
        """Hours of the longest process life."""
        return max((float(np.ptp(self.hours[self.segment == life])) for life in np.unique(self.segment)), default=0.0)

    def until(self, hour: float) -> Held:
        """Return the samples up to ``hour``."""
        kept = self.hours <= hour
        return Held(self.hours[kept], self.mb[kept], self.segment[kept], min(hour, self.observed))


def settled(hours: npt.ArrayLike, mb: npt.ArrayLike, segment: npt.ArrayLike, *, settle_minutes: float = 45.0) -> Held:
    """Return the samples without the first ``settle_minutes`` of each process life.

    ``hours`` since the start of the soak, rising; ``mb`` the memory of this process in MB (1e6 bytes); ``segment`` the
    number of its life; all (n,). EvidenceProblem on NaN, a negative value or hours that go back.
    """
    time, memory = rising(hours, "the hours"), non_negative(mb, "the memory samples")
    lives = np.asarray(segment, dtype=np.int64)
    same_length(hours=time, mb=memory, segment=lives)
    observed = float(np.ptp(time) + np.median(np.diff(time))) if time.size > 1 else 0.0
    kept = np.zeros(time.size, dtype=bool)
    for life in np.unique(lives):
        mine = lives == life
        kept |= mine & (time - time[mine][0] >= settle_minutes / 60)
    return Held(time[kept], memory[kept], lives[kept], observed)


def drift(
    held: Held,
    *,
    limits: tuple[float, float] = (-50.0, 50.0),
    weights_mb: float | None = None,
    most_fall: float = 0.1,
    horizon_hours: float = 48.0,
    required_hours: float = 48.0,
    looks: tuple[float, ...] = LOOKS_H,
    lags: int = 12,
    page_mb: float = PAGE_MB,
    confidence: float = 0.95,
    min_samples: int = 24,
) -> Finding:
    """Judge "memory drifts by at most ``limits`` MB in ``horizon_hours``"; unit MB over the horizon.

    The common slope with Newey-West error, its half-width at least one page per longest life. Below ``required_hours``
    nothing passes: a leak can fail early at one of the ``looks`` at 99.9 %, otherwise the finding says which leak is
    excluded. A fall of more than ``most_fall`` of the ``weights_mb`` is an eviction, and INVALID.
    """
    if held.hours.size < min_samples:
        return invalid(
            f"{held.hours.size} settled memory samples, at least {min_samples} are needed",
            next_step=f"run the soak for {duration(required_hours)}",
            n=int(held.hours.size),
        )
    if weights_mb is not None and (fall := _deepest_fall(held)) > most_fall * weights_mb:
        return invalid(
            f"evicted: memory fell by {number(fall)} MB under a held engine, weights are {number(weights_mb)} MB",
            next_step="stop what else uses the device, or hold the model with a running stream, then repeat the soak",
            n=int(held.hours.size),
        )
    if held.longest == 0:
        return invalid(
            "no process life has two settled samples",
            next_step="hold each engine longer than it takes to settle",
            n=int(held.hours.size),
        )
    trend = common_slope(held.hours, held.mb, held.segment, lags=lags)
    lower, upper = _band(trend, held, horizon_hours, page_mb, confidence)
    estimate = horizon_hours * trend.slope
    lives = np.unique(held.segment).size
    reason = (
        f"drift {bounds(estimate, lower, upper, 'MB')} in {number(horizon_hours)} h, from {number(held.observed)} h, "
        f"{lives} process lives"
    )
    missing = required_hours - held.observed
    if missing <= _ROUNDING_H:
        verdict = within(lower, upper, limits=limits)
        plan = "a longer soak, or longer process lives: the interval reaches over the limit"
    elif (
        broken := _broken_at(held, limits, horizon_hours, looks, lags=lags, page_mb=page_mb, min_samples=min_samples)
    ) is not None:
        verdict, plan = Verdict.FAIL, ""
        reason += f"; {broken}"
    else:
        verdict, plan = Verdict.INCONCLUSIVE, f"{duration(missing)} more under the same identity"
        most = max(abs(lower), abs(upper)) / horizon_hours
        reason += f"; leak < {number(most)} MB/h at {confidence:.0%}, the promise needs {number(required_hours)} h"
    return Finding(
        verdict,
        reason,
        estimate,
        lower,
        upper,
        None,
        trend.n,
        None,
        f"common slope over {lives} process lives, Newey-West {lags} lags",
        next=plan if verdict is Verdict.INCONCLUSIVE else None,
    )


def hourly_floor(held: Held, *, limits: tuple[float, float] = (-50.0, 50.0), bucket_hours: float = 1.0) -> Finding:
    """Judge "the lower decile of each hour moves by at most ``limits`` from its life's first hour"; unit MB."""
    worst, compared, where = 0.0, 0, ""
    for life in np.unique(held.segment):
        mine = held.segment == life
        time, memory = held.hours[mine], held.mb[mine]
        bucket = ((time - time[0]) / bucket_hours).astype(np.int64)
        floors = [float(np.percentile(memory[bucket == hour], 10)) for hour in np.unique(bucket)]
        compared += len(floors) - 1
        for hour, floor in enumerate(floors[1:], start=2):
            if abs(floor - floors[0]) > abs(worst):
                worst, where = floor - floors[0], f", hour {hour} of life {life}"
    if not compared:
        return invalid(
            "no process life has a second hour to compare with its first",
            next_step=f"hold each engine for more than {duration(2 * bucket_hours)}",
            n=int(held.hours.size),
        )
    verdict = within(worst, worst, limits=limits)
    return Finding(
        verdict,
        f"lower decile moves by up to {number(worst)} MB against the first hour{where}, "
        f"required {required('within', limits)} MB",
        worst,
        worst,
        worst,
        None,
        compared,
        method="hourly lower decile against the first hour of its life",
        next="the difference touches its limit: repeat the soak" if verdict is Verdict.INCONCLUSIVE else None,
    )


def total_delta(held: Held, *, limit: float = 100.0) -> Finding:
    """Judge "highest minus lowest settled sample is below ``limit`` MB"; unit MB."""
    if not held.hours.size:
        return invalid("empty sample: no settled memory sample", next_step="run the soak")
    delta = float(np.ptp(held.mb))
    verdict = at_most(delta, delta, limit=limit)
    return Finding(
        verdict,
        f"highest minus lowest sample {number(delta)} MB, required < {number(limit)} MB",
        delta,
        delta,
        delta,
        limit,
        int(held.mb.size),
        method="range of settled samples",
        next="the difference touches its limit: repeat the soak" if verdict is Verdict.INCONCLUSIVE else None,
    )


def _band(trend: Trend, held: Held, horizon: float, page_mb: float, confidence: float) -> tuple[float, float]:
    half = horizon * max(trend.half_width(confidence), page_mb / held.longest)
    return horizon * trend.slope - half, horizon * trend.slope + half


def _broken_at(
    held: Held,
    limits: tuple[float, float],
    horizon: float,
    looks: tuple[float, ...],
    *,
    lags: int,
    page_mb: float,
    min_samples: int,
) -> str | None:
    """Return what the first look that breaks the limit says; None while no look does."""
    for look in looks:
        seen = held.until(look)
        # No look decides on less than the whole would; and a slope takes one value more than itself and every level.
        too_few = seen.mb.size < max(min_samples, np.unique(seen.segment).size + 2)
        if look > held.observed + _ROUNDING_H or seen.longest == 0 or too_few:
            continue
        trend = common_slope(seen.hours, seen.mb, seen.segment, lags=lags)
        lower, upper = _band(trend, seen, horizon, page_mb, LOOK_CONFIDENCE)
        if within(lower, upper, limits=limits) is Verdict.FAIL:
            shown = bounds(horizon * trend.slope, lower, upper, "MB")
            return f"the look at {number(look)} h fails at {LOOK_CONFIDENCE:.1%}: {shown}"
    return None


def _deepest_fall(held: Held) -> float:
    falls = [
        float((np.maximum.accumulate(held.mb[held.segment == life]) - held.mb[held.segment == life]).max())
        for life in np.unique(held.segment)
    ]
    return max(falls, default=0.0)
