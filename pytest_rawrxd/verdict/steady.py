"""Where warm-up ends: the part of a series that is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.verdict.sample import Floats, finite, same_length

BATCH = 5  #: the five of MSER-5
FEWEST_POINTS = 20  #: below this MSER-5 has three batches or less
FIXED_CUT = 0.1  #: share of a short series that is dropped unseen


@dataclass(frozen=True)
class Steady:
    """Which part of a series is kept: entries ``[dropped:]``, of ``length``."""

    dropped: int
    length: int
    reached: bool  #: False: the cut is at half the series
    method: str  #: "MSER-5" or "fixed cut", in words for the report
    shift: float = 0.0  #: share by which the means of the two halves differ; matters where ``reached`` is False

    @property
    def kept(self) -> int:
        """Number of entries that are kept."""
        return self.length - self.dropped


def steady_requests(rates: npt.ArrayLike, *, fixed_cut: float = FIXED_CUT) -> Steady:
    """Find the steady part of per-request rates (k,), in any unit; the first request is always dropped."""
    array = finite(rates, "the per-request rates")
    rest = array[1:]
    if rest.size < FEWEST_POINTS:
        dropped = min(array.size, 1 + int(np.ceil(fixed_cut * rest.size)))
        return Steady(dropped, array.size, True, _said(rest.size, "requests", dropped))
    cut, reached = mser5(rest)
    return Steady(1 + cut, array.size, reached, "first request, then MSER-5 over per-request rates", _shift(rest))


def steady_steps(
    step_ns: npt.ArrayLike, context: npt.ArrayLike, *, batch: int = 32, fixed_cut: float = FIXED_CUT
) -> Steady:
    """Find the steady part of step times (k,) in ns, of one process in order; ``context`` (k,) in tokens.

    A step grows with its context, which is no warm-up: the linear context term is removed first, with its slope taken
    from the second half so that warm-up does not bend it. MSER-5 then runs over means of ``batch`` steps.
    """
    times, tokens = finite(step_ns, "the step times"), finite(context, "the context lengths")
    same_length(step_ns=times, context=tokens)
    points = times.size // batch
    if points < FEWEST_POINTS:
        dropped = int(np.ceil(fixed_cut * times.size))
        return Steady(dropped, times.size, True, _said(points, f"batches of {batch} steps", dropped))
    half = times.size // 2
    centred = tokens[half:] - tokens[half:].mean()
    spread = float(centred @ centred)
    slope = float(centred @ times[half:]) / spread if spread > 0 else 0.0
    means = (times - slope * tokens)[: points * batch].reshape(points, batch).mean(axis=1)
    cut, reached = mser5(means)
    said = f"MSER-5 over means of {batch} steps, context term removed"
    return Steady(cut * batch, times.size, reached, said, _shift(means))


def mser5(series: Floats) -> tuple[int, bool]:
    """Return how many leading entries of ``series`` (k,) are warm-up, and whether a steady state was reached.

    Minimises the marginal standard error of the batch means of five over the cuts up to half the series; a minimum at
    half means that the series still moves. Source: K. P. White, Simulation 69 (1997); K. P. White, M. J. Cobb and
    S. C. Spratt, Winter Simulation Conference (2000). Needs at least two batches.
    """
    count = series.size // BATCH
    means = series[: count * BATCH].reshape(count, BATCH).mean(axis=1)
    last = count // 2
    errors = [float(((means[cut:] - means[cut:].mean()) ** 2).sum()) / (count - cut) ** 2 for cut in range(last + 1)]
    best = int(np.argmin(errors))
    return best * BATCH, best < last


def _shift(series: Floats) -> float:
    first, second = np.array_split(series, 2)
    return abs(float(first.mean() / second.mean()) - 1)


def _said(points: int, of: str, dropped: int) -> str:
    return f"fixed cut of {dropped}: {points} {of} are fewer than {FEWEST_POINTS}"
