"""When requests are sent: absolute instants, computed and seeded before the run.

An open loop never waits for an answer, so that a slow server cannot slow down its own measurement. Relative sleeps
would lose 10 % at 100 requests a second; all offsets count from the start of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import UsageProblem

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClosedLoop:
    """``clients`` that each send the next request when their last one ended: the roadmap's threads."""

    clients: int

    def __post_init__(self) -> None:
        """Refuse a loop of nobody."""
        if self.clients < 1:
            raise UsageProblem("a closed loop needs clients", found=str(self.clients), possible="1 or more")


@dataclass(frozen=True, eq=False)
class OpenLoop:
    """Requests at stated instants, whatever the server does."""

    offsets_ns: Offsets  #: (requests,) from the start of the run, not falling
    kind: str
    parameters: dict[str, Any] = field(default_factory=dict)  #: what the offsets were computed from

    def __post_init__(self) -> None:
        """Refuse offsets that are no schedule."""
        if not self.offsets_ns.size or self.offsets_ns[0] < 0 or (np.diff(self.offsets_ns) < 0).any():
            raise UsageProblem("a schedule needs instants that do not fall", where=self.kind, possible="0 or later")


def constant(requests: int, *, rate: float) -> OpenLoop:
    """One request every 1 / ``rate`` seconds."""
    return _from_seconds(np.arange(requests) / _positive(rate, "rate"), "constant", rate=rate)


def poisson(requests: int, *, rate: float, seed: int) -> OpenLoop:
    """Independent arrivals, ``rate`` a second on average: exponential gaps."""
    return gamma(requests, rate=rate, shape=1.0, seed=seed, kind="poisson")


def gamma(requests: int, *, rate: float, shape: float, seed: int, kind: str = "gamma") -> OpenLoop:
    """Gamma-distributed gaps, ``rate`` a second on average; a ``shape`` below 1 is burstier than Poisson."""
    scale = 1.0 / (_positive(rate, "rate") * _positive(shape, "shape"))
    gaps = np.random.default_rng(seed).gamma(shape, scale, requests)
    return _from_seconds(np.cumsum(gaps) - gaps[:1], kind, rate=rate, shape=shape, seed=seed)


def burst(bursts: int, *, size: int, every_s: float) -> OpenLoop:
    """``size`` requests at one instant, ``bursts`` times, ``every_s`` apart."""
    seconds = np.repeat(np.arange(bursts) * _positive(every_s, "every_s"), int(_positive(size, "size")))
    return _from_seconds(seconds, "burst", size=size, every_s=every_s)


def ramp(*, rate_from: float, rate_to: float, over_s: float) -> OpenLoop:
    """A rate that goes linearly from one to the other: request n at the instant at which the integrated rate is n."""
    first, last = (_positive(rate, name) for rate, name in ((rate_from, "rate_from"), (rate_to, "rate_to")))
    slope = (last - first) / _positive(over_s, "over_s")
    number = np.arange(int((first + last) / 2 * over_s))
    # The positive root of slope/2 t^2 + first t = n, in the form that stays exact for a slope of 0.
    seconds = 2 * number / (first + np.sqrt(first * first + 2 * slope * number))
    return _from_seconds(seconds, "ramp", rate_from=rate_from, rate_to=rate_to, over_s=over_s)


def trace(seconds: Sequence[float]) -> OpenLoop:
    """Recorded arrivals, in seconds from the first."""
    instants = np.asarray(seconds, np.float64)
    if instants.ndim != 1 or not np.isfinite(instants).all():
        raise UsageProblem("a trace needs a list of seconds", found=str(instants.shape))
    return _from_seconds(instants - instants[:1], "trace", requests=instants.size)


#: What an open loop of a profile can look like: requests, rate and, of bursts, how many come together.
ARRIVALS = ("poisson", "constant", "burst", "ramp")
RAMP = (0.5, 1.5)  #: of the rate, at its beginning and at its end


def arrivals(kind: str, requests: int, *, rate: float, together: int, seed: int) -> OpenLoop:
    """A schedule of one of ``ARRIVALS`` with ``rate`` requests a second on average.

    It has ``requests`` instants; of bursts, ``together`` at a time, as many as make whole bursts, at least one of them.
    """
    if kind == "constant":
        return constant(requests, rate=rate)
    if kind == "burst":
        return burst(max(1, round(requests / together)), size=together, every_s=together / rate)
    if kind == "ramp":
        first, last = RAMP
        return ramp(rate_from=first * rate, rate_to=last * rate, over_s=(requests + 0.5) / rate)
    if kind == "poisson":
        return poisson(requests, rate=rate, seed=seed)
    raise UsageProblem("no such arrivals", found=kind, possible=", ".join(ARRIVALS))


def _from_seconds(seconds: npt.NDArray[np.float64], kind: str, **parameters: Any) -> OpenLoop:
    return OpenLoop(np.rint(seconds * 1e9).astype(np.int64), kind, parameters)


def _positive(value: float, name: str) -> float:
    if not (np.isfinite(value) and value > 0):
        raise UsageProblem("a schedule needs positive numbers", where=name, found=str(value))
    return value
