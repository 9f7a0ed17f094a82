"""CPU seconds of the machine and of processes."""

from __future__ import annotations

from collections.abc import Sequence
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


class FamilyCpu(SystemCpu):
    """CPU seconds where several lanes measure at once: all that one process has started is ours, ended ones too.

    Where the system forgets what an ended process has used (Windows), it counts as foreign.
    """

    def __init__(self, root: int) -> None:
        self._root = root

    def own_s(self, pids: Sequence[int]) -> float:  # noqa: ARG002 - they are of the family
        total = 0.0
        try:
            family = [psutil.Process(self._root), *psutil.Process(self._root).children(recursive=True)]
        except psutil.Error:
            return total
        for member in family:
            try:
                used = member.cpu_times()
            except psutil.Error:
                continue
            total += used.user + used.system + used.children_user + used.children_system
        return total
