"""Time comes in through a parameter, so that tests own it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Clock:
    """``monotonic_ns`` measures; ``wall`` only labels, because it may step; ``sleep`` takes seconds."""

    monotonic_ns: Callable[[], int]
    wall: Callable[[], datetime]
    sleep: Callable[[float], None]


def _utc() -> datetime:
    return datetime.now(UTC)


SYSTEM = Clock(monotonic_ns=time.perf_counter_ns, wall=_utc, sleep=time.sleep)
