"""The host, and the engine's processes on it, by psutil: what every machine can say."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import psutil

from pytest_rawrxd.rig.cpu import CpuReader, SystemCpu
from pytest_rawrxd.rig.telemetry.signal import Value, names

CPU_IS_A_RATE = ("process_cpu_percent", "cpu_percent", "foreign_cpu_percent")


class HostProbe:
    """Memory and CPU of the machine. Processor shares lie between two reads: the first read has none."""

    source = "psutil"

    def __init__(
        self,
        own_pids: Sequence[int] = (),
        *,
        cpu: CpuReader | None = None,
        cores: int | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.signals = (*(name for name in names("process", "host") if name != "process_memory_bytes"),)
        self.absent: dict[str, str] = {}
        self._own_pids = tuple(own_pids)
        self._cpu = cpu or SystemCpu()
        self._cores = cores or psutil.cpu_count() or 1
        self._now = monotonic_s
        self._last: tuple[float, float, float, float] | None = None
        self._followed: tuple[int, ...] = ()

    def read(self, pids: Sequence[int]) -> dict[str, Value | None]:
        """Processor shares are None at the first read and when the processes are others than at the last one."""
        return {
            "resident_bytes": resident_bytes(pids),
            "memory_available_bytes": int(psutil.virtual_memory().available),
            **self._shares(tuple(pids)),
        }

    def _shares(self, pids: tuple[int, ...]) -> dict[str, Value | None]:
        now = self._now(), self._cpu.busy_s(), self._cpu.own_s(pids), self._cpu.own_s(self._own_pids)
        last, followed = self._last, self._followed
        self._last, self._followed = now, pids
        if last is None or now[0] <= last[0]:
            return dict.fromkeys(CPU_IS_A_RATE)
        capacity = (now[0] - last[0]) * self._cores
        busy, engine, own = (100 * (new - old) / capacity for new, old in zip(now[1:], last[1:], strict=True))
        same = pids == followed and engine >= 0  # CPU seconds that fall belong to a process that ended
        return {
            "cpu_percent": _percent(busy),
            "process_cpu_percent": _percent(engine) if same and pids else None,
            "foreign_cpu_percent": _percent(busy - engine - own) if same else None,
        }

    def close(self) -> None:
        """Nothing is held open."""


def resident_bytes(pids: Sequence[int]) -> int | None:
    """Resident memory of these processes together; None without one that lives."""
    sizes = []
    for pid in pids:
        try:
            sizes.append(int(psutil.Process(pid).memory_info().rss))
        except psutil.Error:
            continue
    return sum(sizes) if sizes else None


def _percent(value: float) -> float:
    # The counters tick at 10 ms: a short beat of a quiet machine can come out a tick below zero or above all cores.
    return min(max(value, 0.0), 100.0)
