"""The memory of an engine process beside what the engine itself says about it."""

from __future__ import annotations

from typing import Protocol

from pytest_rawrxd.rig.telemetry import Telemetry
from pytest_rawrxd.rig.telemetry.host import resident_bytes

SHARED = "shared_used_bytes"
DEVICE = ("process_memory_bytes", "memory_used_bytes")


class MemoryReader(Protocol):
    """Where memory sizes come from, so that a test can be the operating system."""

    @property
    def shared_source(self) -> str:
        """Where shared memory is read, or why it cannot be."""
        ...

    def resident_bytes(self, pid: int | None) -> int | None:
        """Bytes of a process in the host's memory; None for an engine without a process."""
        ...

    def shared_bytes(self) -> int | None:
        """Bytes of host memory that the GPU's driver has mapped for the device; None where nobody tells."""
        ...


class SystemMemory:
    """Resident memory by psutil, shared memory where telemetry shows it."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    @property
    def shared_source(self) -> str:
        return self._telemetry.source(SHARED) or str(self._telemetry.why_not(SHARED))

    def resident_bytes(self, pid: int | None) -> int | None:
        return None if pid is None else resident_bytes((pid,))

    def device_bytes(self, pid: int | None) -> dict[str, int | str | None]:
        """Memory of the GPU that the process holds, and that all processes hold; ``why`` the second is not known."""
        self._telemetry.follow(() if pid is None else (pid,))
        found = self._telemetry.read(DEVICE)
        read = {name: None if value is None else int(value) for name, value in found.items()}
        return {**read, "why": self._telemetry.why_not(DEVICE[1])}

    def shared_bytes(self) -> int | None:
        used = self._telemetry.read((SHARED,))[SHARED]
        return None if used is None else int(used)
