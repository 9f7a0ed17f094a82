"""How far a server is slowed: a share of its time to begin with, corrected by the speed that its probe then sees.

Half of the time is not half of the speed: a process that waits for a busy machine loses less by standing still.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_rawrxd.rig.degrade import Pace

LEAST_SLICE_S = 0.02  #: two tokens of a small model: a slice that held a whole probe request would look healthy
LEAST_CYCLE_S = 0.1
MOST_SHARE = 0.98
UNKNOWN_SHARE = 0.5  #: to begin with, where nobody knows the healthy speed
MOST_CORRECTION = 4.0  #: times, in one step: one window of a busy machine is a rough measure


@dataclass(frozen=True)
class Aim:
    """A speed in tok/s that a server is slowed to, and the band inside which it is left there."""

    low: float
    wanted: float
    high: float

    def reached(self, seen: float | None) -> bool:
        """Whether ``seen`` lies in the band; no token at all in a window (None) is slower than any band."""
        return seen is not None and self.low <= seen <= self.high


def first_pace(aim: Aim, healthy: float | None, *, longest_cycle_s: float) -> Pace:
    """The pace at which a server of ``healthy`` tok/s that has the machine for itself reaches ``aim``."""
    share = aim.wanted / healthy if healthy else UNKNOWN_SHARE
    return _pace(share, longest_cycle_s)


def corrected(pace: Pace, aim: Aim, seen: float | None, *, longest_cycle_s: float) -> Pace:
    """The pace to try where ``pace`` gave ``seen`` tok/s, as if speed were proportional to the share of time."""
    factor = MOST_CORRECTION if not seen else min(MOST_CORRECTION, max(1 / MOST_CORRECTION, aim.wanted / seen))
    return _pace(pace.share * factor, longest_cycle_s)


def _pace(share: float, longest_cycle_s: float) -> Pace:
    share = min(MOST_SHARE, share)
    return Pace(share, min(longest_cycle_s, max(LEAST_CYCLE_S, LEAST_SLICE_S / share)))
