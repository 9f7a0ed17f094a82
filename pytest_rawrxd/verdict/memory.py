"""How much memory a measured engine process held, from its own load report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_rawrxd.rig.engine.log import on_device


def used_bytes(data: Mapping[str, Any]) -> int | None:
    """Bytes that the process of one run held for the model; None where nobody said.

    On a device: weights, KV cells and compute buffers as the load log lists them. On a CPU: resident memory.
    """
    if data["engine"]["backend"] == "cpu":
        resident: int | None = data["memory"]["resident_bytes"]
        return resident
    return on_device(data["load"]["buffers"]) or None
