"""The memory of the GPU as the engine itself tells it, for machines on which nobody else does.

An engine is asked between its generations only, so it tells this probe, and each answer is one reading: told once, read
once. A sample for which nothing was told has no value.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.engine.protocol import Device
from pytest_rawrxd.rig.telemetry.signal import Value
from pytest_rawrxd.rig.telemetry.sources import Source

SOURCE = "the engine, by ggml"
MEMORY = "memory_used_bytes"


class EngineProbe:
    """What ``Engine.devices`` says of GPUs; ``tell`` it after each call of that."""

    source = SOURCE
    signals = (MEMORY,)

    def __init__(self, devices: Sequence[Device]) -> None:
        """Raises RigTrouble with the engine's reason when ``devices`` hold no GPU with its memory."""
        self.absent: dict[str, str] = {}
        self._told: int | None = None
        self.tell(devices)
        if self._told is None:
            reasons = [device.reason for device in _gpus(devices) if device.reason]
            raise RigTrouble(
                "the engine does not tell the memory of its GPU",
                where=SOURCE,
                found=reasons[0] if reasons else "it has no GPU",
            )

    def tell(self, devices: Sequence[Device]) -> None:
        """Keep the memory in use on all GPUs for the next reading; nothing when one of them does not tell it."""
        used = [
            device.memory_total - device.memory_free
            for device in _gpus(devices)
            if device.memory_total is not None and device.memory_free is not None
        ]
        self._told = sum(used) if used and len(used) == len(_gpus(devices)) else None

    def read(self, _pids: Sequence[int]) -> dict[str, Value | None]:
        """What was told since the last reading; None without."""
        told, self._told = self._told, None
        return {MEMORY: told}

    def close(self) -> None:
        """Nothing is held open."""


def told_by(devices: Sequence[Device]) -> tuple[Source, EngineProbe | None]:
    """The source for ``open_probes`` and the probe to tell; None in its place where the engine does not say."""
    try:
        probe = EngineProbe(devices)
    except RigTrouble:
        return Source(SOURCE, lambda: EngineProbe(devices)), None
    return Source(SOURCE, lambda: probe), probe


def _gpus(devices: Sequence[Device]) -> list[Device]:
    return [device for device in devices if device.kind in {"gpu", "igpu"}]
