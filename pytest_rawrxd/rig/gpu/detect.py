"""Which GPUs are there: NVML first, then Linux's amdgpu files, then the Windows registry."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

NVML = "NVML"  #: the source of NVIDIA GPUs
DRM = Path("/sys/class/drm")
AMDGPU_VERSION = Path("/sys/module/amdgpu/version")
WINDOWS_DISPLAY_CLASS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
WINDOWS_REGISTRY = "Windows registry"  #: the source of other GPUs on Windows
AMD_VENDOR = "0x1002"
AMDGPU = "amdgpu sysfs"


@dataclass(frozen=True)
class Gpu:
    """One device. ``uuid`` stays the same over reboots; ``vram_bytes`` is None where nobody reports it."""

    name: str
    uuid: str
    vram_bytes: int | None
    driver: str | None
    source: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def find_gpus() -> tuple[Gpu, ...]:
    """Every GPU that one of the probes sees, the one with most memory first; the first probe that sees any decides.

    A profile of one GPU is about the first: the graphics of the processor are listed beside the card, often before it.
    """
    probes: tuple[Callable[[], tuple[Gpu, ...]], ...] = (from_nvml, from_amdgpu, from_windows_registry)
    for probe in probes:
        if gpus := probe():
            return tuple(sorted(gpus, key=lambda gpu: -(gpu.vram_bytes or 0)))  # stable: equal cards keep their order
    return ()


def from_nvml() -> tuple[Gpu, ...]:
    try:
        import pynvml  # noqa: PLC0415  # loads the driver's library; only wanted when GPUs are looked for
    except ImportError:
        return ()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:  # no driver on this machine
        return ()
    try:
        driver = str(pynvml.nvmlSystemGetDriverVersion())
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return tuple(
            Gpu(
                name=str(pynvml.nvmlDeviceGetName(handle)),
                uuid=str(pynvml.nvmlDeviceGetUUID(handle)),
                vram_bytes=int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
                driver=f"nvidia {driver}",
                source=NVML,
            )
            for handle in handles
        )
    finally:
        pynvml.nvmlShutdown()


def from_amdgpu(drm: Path = DRM, version: Path = AMDGPU_VERSION) -> tuple[Gpu, ...]:
    """AMD cards that the Linux kernel lists below ``drm``."""
    found = []
    for card in sorted(drm.glob("card[0-9]*")):
        device = card / "device"
        if "-" in card.name or _text(device / "vendor") != AMD_VENDOR:
            continue
        total = _text(device / "mem_info_vram_total")
        module = _text(version)
        found.append(
            Gpu(
                name=_text(device / "product_name") or f"AMD {_text(device / 'device') or 'GPU'}",
                uuid=_text(device / "unique_id") or device.resolve().name,
                vram_bytes=int(total) if total and total.isdigit() else None,
                driver=f"amdgpu {module}" if module else "amdgpu, in the kernel",
                source=AMDGPU,
            )
        )
    return tuple(found)


def from_windows_registry() -> tuple[Gpu, ...]:
    """Display adapters that the Windows driver store registered; nothing on other systems."""
    if platform.system() != "Windows":
        return ()
    winreg: Any = import_module("winreg")  # exists on Windows only

    found = []
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, WINDOWS_DISPLAY_CLASS) as adapters:
        for index in range(winreg.QueryInfoKey(adapters)[0]):
            name = winreg.EnumKey(adapters, index)
            if not name.isdigit():
                continue
            with winreg.OpenKey(adapters, name) as adapter:
                values = {
                    v[0]: v[1] for v in (winreg.EnumValue(adapter, i) for i in range(winreg.QueryInfoKey(adapter)[1]))
                }
            memory = values.get("HardwareInformation.qwMemorySize")
            if memory is None:
                continue  # a display without memory of its own is no GPU to measure
            found.append(
                Gpu(
                    name=str(values.get("DriverDesc", "unnamed adapter")),
                    uuid=f"{values.get('MatchingDeviceId', '')}#{name}",
                    vram_bytes=int(memory),
                    driver=str(values["DriverVersion"]) if "DriverVersion" in values else None,
                    source=WINDOWS_REGISTRY,
                )
            )
    return tuple(found)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
