"""Which sources are tried for a GPU, in order: the vendor's own first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pytest_rawrxd.rig.gpu.detect import NVML, Gpu
from pytest_rawrxd.rig.telemetry.nvml import NvmlProbe
from pytest_rawrxd.rig.telemetry.protocol import Probe


@dataclass(frozen=True)
class Source:
    """A way to read a GPU. ``open`` raises RigTrouble where this machine does not have it."""

    name: str
    open: Callable[[], Probe]


def sources(gpu: Gpu | None) -> tuple[Source, ...]:
    """The sources of ``gpu``, none without one."""
    if gpu is None:
        return ()
    if gpu.source == NVML:
        return (Source(NVML, lambda: NvmlProbe(gpu.uuid)),)
    return ()
