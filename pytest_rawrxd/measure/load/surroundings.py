"""What the client process does to be a calm instrument, and what it saw of the machine meanwhile."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class HostUse:
    """Processor time during the window, in seconds."""

    wall_s: float
    own_cpu_s: float  #: of this process
    busy_cpu_s: float  #: of the whole machine
    steal_cpu_s: float | None  #: taken by the hypervisor; None: this system does not tell
    cores: int
    rss_bytes: int  #: of this process at the end of the window, with everything it kept


def settle(core: int | None) -> dict[str, str]:
    """Raise the priority of this process and pin it to ``core``; says for each whether the system allowed it."""
    me = psutil.Process()
    said = {}
    try:
        if sys.platform == "win32":
            me.nice(psutil.HIGH_PRIORITY_CLASS)
        else:
            me.nice(-10)
        said["priority"] = "raised"
    except (psutil.AccessDenied, OSError) as problem:
        said["priority"] = f"not raised: {type(problem).__name__}"
    if core is not None:
        try:
            me.cpu_affinity([core])
            said["core"] = str(core)
        except (AttributeError, ValueError, psutil.Error, OSError) as problem:
            said["core"] = f"not pinned: {problem}"
    return said


class HostWatch:
    """Reads the machine's processor clocks at its beginning and at ``stop``: two reads, no sampling."""

    def __init__(self) -> None:
        self._wall, self._own, self._all = time.perf_counter(), time.process_time(), psutil.cpu_times()

    def stop(self) -> HostUse:
        """What happened since the beginning."""
        now = psutil.cpu_times()
        busy = sum(now) - sum(self._all) - (now.idle - self._all.idle)
        for name in ("iowait", "guest", "guest_nice"):  # waiting is not work; guest time is counted in user already
            busy -= getattr(now, name, 0.0) - getattr(self._all, name, 0.0)
        steal = now.steal - self._all.steal if hasattr(now, "steal") else None
        return HostUse(
            wall_s=time.perf_counter() - self._wall,
            own_cpu_s=time.process_time() - self._own,
            busy_cpu_s=max(0.0, busy),
            steal_cpu_s=steal,
            cores=psutil.cpu_count() or 1,
            rss_bytes=psutil.Process().memory_info().rss,
        )
