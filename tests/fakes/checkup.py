"""A machine as the doctor finds it: the roadmap's PC in good order, each part replaceable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_rawrxd.measure.checkup import Checkup, Shown
from pytest_rawrxd.rig.engine.protocol import Device, EngineInfo
from pytest_rawrxd.rig.gpu.detect import AMDGPU, Gpu
from pytest_rawrxd.rig.host import Host
from pytest_rawrxd.rig.models.folder import Found, ModelFile
from pytest_rawrxd.rig.models.manifest import Manifest, Provenance
from pytest_rawrxd.rig.models.recipes import LADDER
from pytest_rawrxd.rig.telemetry import SIGNALS, Reading
from pytest_rawrxd.rig.vulkan import Vulkan, VulkanDevice

CARD = Gpu("AMD Radeon RX 7800 XT", "f00d", 17163091968, "amdgpu 6.12.12", AMDGPU)
ENGINE = EngineInfo("rawrxd", "1.0", "", "vulkan", "a card", "")
VALUES = {
    "memory_used_bytes": 500_000_000,
    "temperature_c": 41.5,
    "power_mw": 21_000,
    "clock_reasons": 4,
    "utilisation_percent": 2,
    "cpu_percent": 3.25,
}


def readings(**absent: str) -> tuple[Reading, ...]:
    """Every signal from one source, but those that are absent with a reason."""
    return tuple(
        Reading(signal, None if name in absent else AMDGPU, absent.get(name)) for name, signal in SIGNALS.items()
    )


def manifest(variant: str, gigabytes: float = 5) -> Manifest:
    size = int(gigabytes * 1e9)
    fields: dict[str, Any] = dict.fromkeys(Manifest.__dataclass_fields__)
    return Manifest(
        **{
            **fields,
            "file": f"BigDaddyG-{variant}.gguf",
            "variant": variant,
            "recipe": variant,
            "bytes": size,
            "weight_bytes": size,
            "kv_bytes_per_token": 131072,
            "layers": 32,
            "provenance": Provenance("a test", None, True),
        }
    )


def models(**gigabytes: float) -> Found:
    """A folder with these variants of so many GB."""
    kept = {name: ModelFile(Path(f"BigDaddyG-{name}.gguf"), manifest(name, size)) for name, size in gigabytes.items()}
    return Found(Path("models"), kept, {})


def checkup(**changes: Any) -> Checkup:
    found: dict[str, Any] = {
        "host": Host("Linux 6.12 x86_64", "AMD Ryzen 7", 16, 64 << 30, 96 << 20, "3.12.1"),
        "memory_available": 50 << 30,
        "disk": Path("reports"),
        "disk_free": 10**11,
        "foreign_share": 0.02,
        "gpus": (CARD,),
        "shown": (Shown(readings(), VALUES),),
        "engine_spec": "rawrxd:http://127.0.0.1:11434",
        "engine": ENGINE,
        "devices": (Device("Vulkan0", "AMD Radeon RX 7800 XT", "gpu", "vulkan", 16_500_000_000, 17_163_091_968),),
        "vulkan": Vulkan("1.4.303", (VulkanDevice("AMD Radeon RX 7800 XT", "discrete", "1.4.303"),)),
        "models": models(**dict.fromkeys(LADDER, 5.0)),
        "reasons": {},
    }
    if "readings" in changes:
        changes["shown"] = (Shown(changes.pop("readings"), VALUES),)
    return Checkup(**{**found, **changes})
