"""Host memory that a GPU's driver uses as if it were the device's: its growth at load is how a model spills."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_rawrxd.rig.gpu.detect import AMDGPU, DRM, Gpu


@dataclass(frozen=True)
class SharedMemory:
    """Reads one counter. ``source`` names it, or says why there is none."""

    source: str
    counter: Path | None = None

    def used_bytes(self) -> int | None:
        """The counter now; None without one, or where it cannot be read."""
        if self.counter is None:
            return None
        try:
            return int(self.counter.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None


def shared_memory(gpu: Gpu | None, drm: Path = DRM) -> SharedMemory:
    """The counter of ``gpu``: the GTT of Linux's amdgpu. Other drivers show none that this package reads."""
    if gpu is None:
        return SharedMemory("no GPU")
    if gpu.source != AMDGPU:
        return SharedMemory(f"not readable through {gpu.source}")
    for device in (card / "device" for card in sorted(drm.glob("card[0-9]*"))):
        counter = device / "mem_info_gtt_used"
        if counter.is_file() and gpu.uuid in (_text(device / "unique_id"), device.resolve().name):
            return SharedMemory("amdgpu GTT", counter)
    return SharedMemory("amdgpu shows no GTT counter for this card")


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
