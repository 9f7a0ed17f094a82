"""Which boot of the machine this is, and how long it has slept since: what a monotonic clock cannot tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

LINUX_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id(linux: Path = LINUX_BOOT_ID, boot_time: Callable[[], float] = psutil.boot_time) -> str:
    """A name that changes with every boot: the kernel's own, else the minute in which the machine started."""
    try:
        return linux.read_text(encoding="ascii").strip()
    except OSError:
        return f"booted at {round(boot_time() / 60)} min"


def asleep_ns() -> int:
    """Nanoseconds that this machine was suspended since its boot, as far as its monotonic clock leaves them out.

    Linux has a clock with and one without them; elsewhere the monotonic clock counts them itself, and this is 0.
    """
    with_sleep = getattr(time, "CLOCK_BOOTTIME", None)
    if with_sleep is None:
        return 0
    awake = time.clock_gettime_ns(time.CLOCK_MONOTONIC)  # first, so that the difference is never below zero
    return time.clock_gettime_ns(with_sleep) - awake
