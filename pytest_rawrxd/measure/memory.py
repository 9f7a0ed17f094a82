"""The memory of an engine process beside what the engine itself says about it."""

from __future__ import annotations

from typing import Protocol

import psutil

from pytest_rawrxd.rig.gpu.shared import SharedMemory


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
    """Resident memory by psutil, shared memory where the driver shows it."""

    def __init__(self, shared: SharedMemory) -> None:
        self._shared = shared

    @property
    def shared_source(self) -> str:
        return self._shared.source

    def resident_bytes(self, pid: int | None) -> int | None:
        if pid is None:
            return None
        try:
            return int(psutil.Process(pid).memory_info().rss)
        except psutil.Error:
            return None

    def shared_bytes(self) -> int | None:
        return self._shared.used_bytes()
