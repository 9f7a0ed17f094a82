"""How much memory a measured engine process held, from its own load report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Buffers that lie in the host's memory, whatever the backend calls them: CPU, CPU_Mapped, CUDA_Host, Vulkan_Host.
HOST_MARKS = ("CPU", "HOST")


def used_bytes(data: Mapping[str, Any]) -> int | None:
    """Bytes that the process of one run held for the model; None where nobody said.

    On a device: weights, KV cells and compute buffers as the load log lists them. On a CPU: resident memory.
    """
    if data["engine"]["backend"] == "cpu":
        resident: int | None = data["memory"]["resident_bytes"]
        return resident
    held = sum(buffer["bytes"] for buffer in data["load"]["buffers"] if not _on_host(str(buffer["device"])))
    return held or None


def _on_host(device: str) -> bool:
    return any(mark in device.upper() for mark in HOST_MARKS)
