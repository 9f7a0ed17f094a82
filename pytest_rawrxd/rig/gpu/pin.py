"""One GPU of several for one process: what its engines must be told so that they see no other."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.rig.gpu.detect import NVML, Gpu

CUDA = "cuda"


def pinned(gpu: Gpu) -> dict[str, str]:
    """The environment in which an engine of the CUDA backend sees ``gpu`` alone, by its UUID."""
    return {"CUDA_VISIBLE_DEVICES": gpu.uuid}


def check_pinnable(backend: str, gpus: Sequence[Gpu]) -> None:
    """Raise UsageProblem where an engine cannot be kept to one of ``gpus`` by a name that is the same everywhere.

    Vulkan and HIP count devices in an order of their own: a lane would hold one card's lock and load another.
    """
    if backend != CUDA or any(gpu.source != NVML for gpu in gpus):
        raise UsageProblem(
            "several lanes need an engine that can be kept to one GPU by its UUID",
            where="-n",
            found=f"backend {backend}, GPUs from {', '.join(sorted({gpu.source for gpu in gpus})) or 'no source'}",
            possible="one lane (-n 1, or without -n), or the CUDA backend on NVIDIA GPUs",
        )
