"""Which sources are tried for a GPU, in order: the vendor's own first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.gpu.detect import AMDGPU, NVML, WINDOWS_REGISTRY, Gpu
from pytest_rawrxd.rig.telemetry import amdsmi, libre, windows
from pytest_rawrxd.rig.telemetry.access import Access, this_machine
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


def sources(gpu: Gpu | None, access: Access | None = None) -> tuple[Source, ...]:
    """The sources of ``gpu``, none without one. ``access`` is where they get their answers, this machine by default."""
    if gpu is None:
        return ()
    to = access or this_machine()
    found: list[Source] = []
    if gpu.source == NVML:
        found.append(Source(NVML, lambda: NvmlProbe(gpu.uuid, _module(to.nvml))))
    if gpu.source == AMDGPU:
        found.append(Source(AMDGPU, lambda: AmdgpuProbe(gpu.uuid, to.drm, to.proc)))
        found.append(Source(amdsmi.SOURCE, lambda: AmdSmiProbe(_address(gpu, to), _module(to.amdsmi))))
    if to.system == "Windows":
        # Beside NVML too: under Windows' driver model it does not say which process holds what.
        found.append(Source(windows.SOURCE, lambda: WindowsProbe(to.counters)))
    if gpu.source == WINDOWS_REGISTRY:
        found.append(Source(libre.SOURCE, lambda: LibreProbe(gpu.name, to.fetch)))
    return tuple(found)


def _address(gpu: Gpu, access: Access) -> str:
    return pci_address(device_folder(gpu.uuid, access.drm))


def _module(load: Callable[[], Any]) -> Any:
    """The vendor's module. OSError and KeyError are how amdsmi says that its C library is missing."""
    try:
        return load()
    except (ImportError, OSError, KeyError) as error:
        raise RigTrouble("the vendor's library cannot be used", found=str(error)) from error
