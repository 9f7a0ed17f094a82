"""Which sources are tried for a GPU, in order: the vendor's own first."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pytest_rawrxd.rig.gpu.detect import AMDGPU, DRM, NVML, WINDOWS_REGISTRY, Gpu
from pytest_rawrxd.rig.telemetry import amdsmi, libre, windows
from pytest_rawrxd.rig.telemetry.amdgpu import AmdgpuProbe, device_folder, pci_address
from pytest_rawrxd.rig.telemetry.amdsmi import AmdSmiProbe
from pytest_rawrxd.rig.telemetry.libre import LibreProbe
from pytest_rawrxd.rig.telemetry.nvml import NvmlProbe
from pytest_rawrxd.rig.telemetry.protocol import Probe
from pytest_rawrxd.rig.telemetry.windows import WindowsProbe


@dataclass(frozen=True)
class Source:
    """A way to read a GPU. ``open`` raises RigTrouble where this machine does not have it."""

    name: str
    open: Callable[[], Probe]


def sources(gpu: Gpu | None, *, system: str | None = None, drm: Path = DRM) -> tuple[Source, ...]:
    """The sources of ``gpu``, none without one. ``system`` is the operating system's name, this one's by default."""
    if gpu is None:
        return ()
    found: list[Source] = []
    if gpu.source == NVML:
        found.append(Source(NVML, lambda: NvmlProbe(gpu.uuid)))
    if gpu.source == AMDGPU:
        found.append(Source(AMDGPU, lambda: AmdgpuProbe(gpu.uuid, drm)))
        found.append(Source(amdsmi.SOURCE, lambda: AmdSmiProbe(pci_address(device_folder(gpu.uuid, drm)))))
    if (system or platform.system()) == "Windows":
        # Beside NVML too: under Windows' driver model it does not say which process holds what.
        found.append(Source(windows.SOURCE, WindowsProbe))
    if gpu.source == WINDOWS_REGISTRY:
        found.append(Source(libre.SOURCE, lambda: LibreProbe(gpu.name)))
    return tuple(found)
