"""What every source of telemetry can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from pytest_rawrxd.rig.telemetry.signal import Value


class NotReported(Exception):
    """The source answers, and the answer is how it says that it does not know."""


class Probe(Protocol):
    """One source. It opens when it is made, which raises RigTrouble with the reason where it cannot be had."""

    @property
    def source(self) -> str:
        """How a report names it: "NVML", "amdgpu sysfs"."""
        ...

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that it reads here, each tried once when it was opened."""
        ...

    @property
    def absent(self) -> Mapping[str, str]:
        """Signals of its kind that this machine does not have, each with the reason."""
        ...

    def read(self, pids: Sequence[int]) -> Mapping[str, Value | None]:
        """A value for each of ``signals``; None for one that has none at this moment.

        ``pids`` are the engine's processes. Raises RigTrouble when the source no longer answers.
        """
        ...

    def close(self) -> None: ...
