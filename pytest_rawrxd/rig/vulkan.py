"""Which version of Vulkan the loader and each device of this machine offer.

A driver may take its process down, so the question is asked in a child process (``vulkan_child``).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.engine.environment import child_environment

DEADLINE_S = 30.0
CPU = "cpu"  #: a driver that computes on the processor

Run = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class VulkanDevice:
    """One physical device. ``kind`` is "discrete", "integrated", "virtual", "cpu" or "other"."""

    name: str
    kind: str
    version: str  #: such as "1.4.303"
    uuid: str | None = None  #: 32 hexadecimal digits; None: loader or driver are too old
    pci: str | None = None  #: such as "0000:03:00.0"; None: the driver does not say


@dataclass(frozen=True)
class Vulkan:
    """What the loader says; ``devices`` is empty where no driver is installed."""

    loader: str
    devices: tuple[VulkanDevice, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_vulkan(environ: Mapping[str, str], run: Run = subprocess.run) -> Vulkan:
    """Ask the loader of this machine. Raises RigTrouble with the reason where there is none or a driver fails."""
    command = [sys.executable, "-P", "-m", "pytest_rawrxd.rig.vulkan_child"]
    try:
        ended = run(
            command, env=child_environment(environ), capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise RigTrouble("Vulkan does not answer", where="vulkan", found=f"nothing within {DEADLINE_S:g} s") from late
    if ended.returncode:
        words = ended.stderr.strip().splitlines()
        raise RigTrouble("Vulkan cannot be asked", found=words[-1] if words else f"exit status {ended.returncode}")
    told = json.loads(ended.stdout)
    return Vulkan(told["loader"], tuple(VulkanDevice(**device) for device in told["devices"]))


def at_least(version: str, least: str) -> bool:
    """Whether ``version`` (such as "1.10.3") is ``least`` (such as "1.4") or newer."""
    return _numbers(version)[: len(_numbers(least))] >= _numbers(least)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
