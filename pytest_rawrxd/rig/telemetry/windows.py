"""What a GPU of any vendor does, as Windows counts it: the counters that its task manager shows.

Counters are named by LUID, an adapter's number since the last start, which no other source knows. The adapter under
test is the one on which the engine holds memory; without an engine, the only one that has memory in use.
Microsoft publishes that the counters of a process are wrong on some versions ("GPU process memory counters report wrong
value"), so they choose the adapter and stand beside its own counter, never in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.telemetry.pdh import Query
from pytest_rawrxd.rig.telemetry.signal import Value

SOURCE = "Windows performance counters"
DEDICATED = r"\GPU Adapter Memory(*)\Dedicated Usage"
SHARED = r"\GPU Adapter Memory(*)\Shared Usage"
PROCESS = r"\GPU Process Memory(*)\Dedicated Usage"
ENGINE = r"\GPU Engine(*)\Utilization Percentage"
COUNTERS = (DEDICATED, SHARED, PROCESS, ENGINE)

NAME = re.compile(
    r"(?:pid_(?P<pid>\d+)_)?(?P<luid>luid_0x[0-9a-f]+_0x[0-9a-f]+)(?:_phys_\d+)?(?:_eng_(?P<engine>\d+))?.*",
    re.IGNORECASE,
)
SIGNAL_OF = {
    "memory_used_bytes": DEDICATED,
    "shared_used_bytes": SHARED,
    "process_memory_bytes": PROCESS,
    "utilisation_percent": ENGINE,
}


class WindowsProbe:
    """The adapter on which the engine computes."""

    source = SOURCE

    def __init__(self, query: Callable[[], Query]) -> None:
        try:
            self._query = query()
        except (OSError, AttributeError) as error:  # no pdh.dll; no ctypes.WinDLL outside Windows
            raise RigTrouble("performance counters cannot be read", where="pdh.dll", found=str(error)) from error
        refused = self._query.refused
        self.absent = {name: f"{path}: {refused[path]}" for name, path in SIGNAL_OF.items() if path in refused}
        self.signals = tuple(name for name in SIGNAL_OF if name not in self.absent)
        self._luid: str | None = None

    def read(self, pids: Sequence[int]) -> dict[str, Value | None]:
        """One value for each of ``signals``; None for all of them as long as nobody can tell which adapter it is."""
        told = self._query.collect()
        self._luid = adapter(told.get(PROCESS, {}), told.get(DEDICATED, {}), pids) or self._luid
        if self._luid is None:
            return dict.fromkeys(self.signals)
        luid = self._luid
        values: dict[str, Value | None] = {
            "memory_used_bytes": _sum(told.get(DEDICATED, {}), luid),
            "shared_used_bytes": _sum(told.get(SHARED, {}), luid),
            "process_memory_bytes": _sum(told.get(PROCESS, {}), luid, pids),
            "utilisation_percent": busiest(told.get(ENGINE, {}), luid),
        }
        return {name: values[name] for name in self.signals}

    def close(self) -> None:
        self._query.close()


def adapter(held: Mapping[str, float], used: Mapping[str, float], pids: Sequence[int]) -> str | None:
    """The LUID of the adapter on which ``pids`` hold most memory, else the only one that has any in use, else None."""
    ours: dict[str, float] = {}
    for name, size in held.items():
        part = NAME.fullmatch(name)
        if part and part["pid"] and int(part["pid"]) in pids and size > 0:
            ours[part["luid"].lower()] = ours.get(part["luid"].lower(), 0.0) + size
    if ours:
        return max(ours, key=lambda luid: ours[luid])
    busy = {part["luid"].lower() for name, size in used.items() if size > 0 and (part := NAME.fullmatch(name))}
    return busy.pop() if len(busy) == 1 else None


def busiest(engines: Mapping[str, float], luid: str) -> float | None:
    """The busy share of the busiest engine of an adapter, all processes together; None without a sample.

    This is what the task manager calls the GPU's utilisation: engines run beside each other, so they are not added.
    """
    each: dict[str, float] = {}
    for name, share in engines.items():
        part = NAME.fullmatch(name)
        if part and part["luid"].lower() == luid and part["engine"]:
            each[part["engine"]] = each.get(part["engine"], 0.0) + share
    return min(max(each.values()), 100.0) if each else None


def _sum(sizes: Mapping[str, float], luid: str, pids: Sequence[int] | None = None) -> int | None:
    found = [
        size
        for name, size in sizes.items()
        if (part := NAME.fullmatch(name))
        and part["luid"].lower() == luid
        and (pids is None or (part["pid"] and int(part["pid"]) in pids))
    ]
    return round(sum(found)) if found else None
