"""The machine as the operating system describes it. What cannot be read is None."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

LINUX_CPU_INFO = Path("/proc/cpuinfo")
LINUX_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
SIZE_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True)
class Host:
    """``cores`` are those this process may use; ``llc_bytes`` is the last-level cache one core sees."""

    os: str
    cpu: str
    cores: int
    memory_bytes: int
    llc_bytes: int | None
    python: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def identity(self) -> dict[str, Any]:
        """The part that makes it this machine: free of anything that moves by itself."""
        return {"os": self.os, "cpu": self.cpu, "cores": self.cores, "memory_gib": round(self.memory_bytes / 2**30)}


def read_host(cpu_info: Path = LINUX_CPU_INFO, caches: Path = LINUX_CACHES) -> Host:
    return Host(
        os=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpu=_cpu_name(cpu_info),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        llc_bytes=last_level_cache(caches),
        python=platform.python_version(),
    )


def usable_cores() -> int:
    """Cores this process may run on: an affinity mask counts where the system has one."""
    process = psutil.Process()
    affinity = getattr(process, "cpu_affinity", None)  # macOS has none
    return len(affinity()) if affinity else psutil.cpu_count(logical=True) or 1


def _cpu_name(cpu_info: Path) -> str:
    if cpu_info.is_file():
        for line in cpu_info.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def last_level_cache(caches: Path) -> int | None:
    """Bytes of the largest data cache that Linux lists for the first core; None elsewhere."""
    sizes = [
        int(text[:-1]) * SIZE_UNITS[text[-1]]
        for entry in sorted(caches.glob("index*"))
        if (entry / "type").read_text().strip() in {"Data", "Unified"}
        and (text := (entry / "size").read_text().strip())[-1:] in SIZE_UNITS
        and text[:-1].isdigit()
    ]
    return max(sizes, default=None)
