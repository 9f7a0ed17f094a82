"""Was the device slowed down by heat or power while it was measured?"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.distributions import above_student
from pytest_rawrxd.verdict.outcome import Finding
from pytest_rawrxd.verdict.sample import Floats, non_negative, positive, same_length
from pytest_rawrxd.verdict.wording import number

COOL = "let the device cool, improve cooling or lower the room temperature, then repeat the run"


def throttled(
    *,
    hard: npt.ArrayLike | None = None,
    clock_mhz: npt.ArrayLike | None = None,
    block: npt.ArrayLike | None = None,
    rates: npt.ArrayLike | None = None,
    most_hard_share: float = 0.01,
    least_clock: float = 0.95,
    most_slowdown: float = 0.03,
    alpha: float = 0.05,
) -> Finding | None:
    """Return INVALID when the device throttled, None when nothing says so. Loaded samples only.

    ``hard`` (n,) is true where a thermal, hardware-slowdown or power-brake bit is set; ``clock_mhz`` and ``block`` (n,)
    are the core clock and its time block; ``rates`` (m,) is throughput in order, for the half-against-half test. A low
    clock alone is no throttling: it counts together with a second half that is slower by more than ``most_slowdown``
    (Welch's t). A source that the machine does not have is None and decides nothing.
    """
    if hard is not None and np.asarray(hard).size:
        share = float(np.asarray(hard, dtype=bool).mean())
        if share > most_hard_share:
            return invalid(
                f"throttled: a thermal, slowdown or power-brake bit in {number(100 * share)} % of loaded samples, "
                f"allowed {number(100 * most_hard_share)} %",
                next_step=COOL,
                n=int(np.asarray(hard).size),
                method="vendor throttle bits",
            )
    if clock_mhz is None or block is None or rates is None:
        return None
    clocks, speeds = positive(clock_mhz, "the clocks"), non_negative(rates, "the rates")
    numbers = np.asarray(block)
    same_length(clock_mhz=clocks, block=numbers)
    if not clocks.size or speeds.size < 4:
        return None
    medians = {int(one): float(np.median(clocks[numbers == one])) for one in np.unique(numbers)}
    slowest = min(medians, key=lambda one: medians[one])
    relative = medians[slowest] / float(np.median(clocks))
    slowdown = slower_half(speeds, most_slowdown=most_slowdown, alpha=alpha)
    if relative >= least_clock or slowdown is None:
        return None
    return invalid(
        f"throttled: median clock of block {slowest} is {number(100 * relative)} % of the run's, the second half is "
        f"{number(100 * slowdown)} % slower",
        next_step=COOL,
        n=int(clocks.size),
        method="block clock and half against half",
    )


def slower_half(rates: npt.ArrayLike, *, most_slowdown: float = 0.03, alpha: float = 0.05) -> float | None:
    """Return by which share the second half of ``rates`` (m,) is slower; None up to ``most_slowdown`` or chance."""
    speeds = non_negative(rates, "the rates")
    first, second = np.array_split(speeds, 2)
    if second.size < 2 or first.mean() == 0:
        return None
    slowdown = float(1 - second.mean() / first.mean())
    if slowdown <= most_slowdown:
        return None
    if first.std() == 0 and second.std() == 0:
        return slowdown
    return slowdown if _welch(first, second) < alpha else None


def _welch(first: Floats, second: Floats) -> float:
    """The probability of means so far apart or more, were ``first`` no larger: Welch's t, as in ``means``."""
    variances = [float(half.var(ddof=1)) / half.size for half in (first, second)]
    freedom = sum(variances) ** 2 / sum(
        v**2 / (half.size - 1) for v, half in zip(variances, (first, second), strict=True)
    )
    return above_student(float(first.mean() - second.mean()) / math.sqrt(sum(variances)), freedom)


def power_capped(software_cap: npt.ArrayLike) -> str | None:
    """Return the note about a software power cap, which is an operator's setting and no fault; None without one."""
    capped = np.asarray(software_cap, dtype=bool)
    if not capped.size or not capped.any():
        return None
    return f"a software power cap was active in {number(100 * float(capped.mean()))} % of loaded samples"
