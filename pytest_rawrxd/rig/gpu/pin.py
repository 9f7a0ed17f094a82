"""One GPU of several for one process: what its engines must be told so that they see no other.

Cards are named by what stays the same: CUDA and ROCm take a UUID; ggml's Vulkan takes a place in the loader's list,
which is looked up by the device's UUID or PCI address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from pytest_rawrxd.errors import RigTrouble, UsageProblem
from pytest_rawrxd.rig.engine.protocol import Device
from pytest_rawrxd.rig.gpu.detect import AMDGPU, DRM, NVML, Gpu
from pytest_rawrxd.rig.telemetry.amdgpu import device_folder, pci_address
from pytest_rawrxd.rig.vulkan import VulkanDevice

CUDA, ROCM, VULKAN = "cuda", "rocm", "vulkan"
UNIQUE_ID = re.compile(r"[0-9a-f]{16}")  #: of an AMD card; HSA calls it GPU-<unique_id>

ListVulkan = Callable[[], Sequence[VulkanDevice]]


def pinned(gpu: Gpu, backend: str, *, vulkan: ListVulkan, drm: Path = DRM) -> dict[str, str]:
    """The environment in which an engine of ``backend`` sees ``gpu`` alone.

    Raises UsageProblem where nothing names the card in a way that the backend understands.
    """
    if backend == CUDA and gpu.source == NVML:
        return {"CUDA_VISIBLE_DEVICES": gpu.uuid}
    if backend == ROCM and gpu.source == AMDGPU and UNIQUE_ID.fullmatch(gpu.uuid):
        return {"ROCR_VISIBLE_DEVICES": f"GPU-{gpu.uuid}"}
    if backend == VULKAN and (place := _vulkan_place(gpu, vulkan(), drm)) is not None:
        return {"GGML_VK_VISIBLE_DEVICES": str(place)}
    raise UsageProblem(
        "a profile of several GPUs needs an engine that can be kept to one GPU by a name that stays",
        where="hardware.gpus",
        found=f"backend {backend}, {gpu.name} {gpu.uuid} from {gpu.source}",
        possible="a profile of one GPU; CUDA on NVIDIA; ROCm on AMD cards with a unique id; Vulkan where "
        "its driver tells UUID or PCI address",
    )


def check_pinnable(backend: str, gpus: Sequence[Gpu], *, vulkan: ListVulkan, drm: Path = DRM) -> None:
    """Raise UsageProblem where an engine cannot be kept to one of ``gpus``, or two of them are told by one name."""
    if not gpus:
        raise UsageProblem("several lanes need a GPU each", where="-n", found="no GPU", possible="one lane")
    names = [tuple(pinned(gpu, backend, vulkan=vulkan, drm=drm).items()) for gpu in gpus]
    if len(set(names)) < len(names):
        raise UsageProblem(
            "two GPUs are told by one name: two lanes would load one card",
            where="-n",
            found=", ".join(f"{gpu.name} {gpu.uuid}" for gpu in gpus),
            possible="a profile of one GPU",
        )


def check_alone(devices: Sequence[Device], gpu: Gpu) -> None:
    """Raise UsageProblem where an engine that was kept to ``gpu`` lists another number of GPUs than one."""
    seen = [device for device in devices if device.kind in {"gpu", "igpu"}]
    if len(seen) != 1:
        raise UsageProblem(
            "the engine of this lane does not see one GPU alone",
            where=f"{gpu.name} {gpu.uuid}",
            found=", ".join(f"{device.name} {device.description}" for device in seen) or "no GPU",
            possible="a profile of one GPU; an engine that obeys its backend's visibility setting",
        )


def _vulkan_place(gpu: Gpu, devices: Sequence[VulkanDevice], drm: Path) -> int | None:
    """Where the loader lists ``gpu``; None where it does not, or lists it twice (two drivers for one card)."""
    if gpu.source == NVML:
        wanted = gpu.uuid.removeprefix("GPU-").replace("-", "").lower()
        places = [place for place, device in enumerate(devices) if device.uuid == wanted]
    elif gpu.source == AMDGPU:
        try:
            pci = pci_address(device_folder(gpu.uuid, drm)).lower()
        except RigTrouble:
            return None
        places = [place for place, device in enumerate(devices) if device.pci == pci]
    else:
        return None
    return places[0] if len(places) == 1 else None
