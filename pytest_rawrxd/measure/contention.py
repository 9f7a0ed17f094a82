"""How much of the machine other programs used while we measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import psutil


class CpuReader(Protocol):
    """Where CPU seconds come from, so that a test can be the operating system."""

    def busy_s(self) -> float:
        """Seconds that all cores together were not idle, since boot."""
        ...

    def own_s(self, pids: Sequence[int]) -> float:
        """CPU seconds that these processes have used so far; ended ones count as 0."""
        ...


# A guest's time is already inside user and nice.
NOT_BUSY = frozenset({"idle", "iowait", "guest", "guest_nice"})


class SystemCpu:
    """CPU seconds as psutil reports them."""

    def busy_s(self) -> float:
        # Added up, never subtracted: a sum of counters that only grow cannot come out smaller by rounding.
        times: dict[str, float] = psutil.cpu_times()._asdict()
        return sum(seconds for state, seconds in times.items() if state not in NOT_BUSY)

    def own_s(self, pids: Sequence[int]) -> float:
        total = 0.0
        for pid in pids:
            try:
                used = psutil.Process(pid).cpu_times()
            except psutil.Error:
                continue
            total += used.user + used.system
        return total


@dataclass(frozen=True)
class Contention:
    """``foreign_share`` of all cores (0..1) was used by programs that are not ours."""

    foreign_share: float
    own_share: float
    elapsed_s: float


def watch(
    reader: CpuReader, pids: Sequence[int], cores: int, monotonic_ns: Callable[[], int]
) -> Callable[[], Contention]:
    """Begin watching; the returned function ends it. ``pids`` are ours and must be alive at both ends."""
    began_ns, began_busy, began_own = monotonic_ns(), reader.busy_s(), reader.own_s(pids)

    def ended() -> Contention:
        elapsed = max((monotonic_ns() - began_ns) / 1e9, 1e-9)
        busy, own = reader.busy_s() - began_busy, reader.own_s(pids) - began_own
        capacity = elapsed * cores
        return Contention(
            # Both counters tick at 10 ms, so a quiet machine can come out a tick below zero.
            foreign_share=min(max((busy - own) / capacity, 0.0), 1.0),
            own_share=min(max(own / capacity, 0.0), 1.0),
            elapsed_s=elapsed,
        )

    return ended
