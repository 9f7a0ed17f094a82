"""Where each source gets its raw answers: from this machine, through a recorder, or from a recording."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pytest_rawrxd.rig.gpu.detect import DRM
from pytest_rawrxd.rig.telemetry import libre
from pytest_rawrxd.rig.telemetry.pdh import PdhQuery, Query
from pytest_rawrxd.rig.telemetry.windows import COUNTERS

PROC = Path("/proc")


@dataclass(frozen=True)
class Access:
    """``nvml`` and ``amdsmi`` give the vendors' modules, ``counters`` Windows' query, ``fetch`` a monitor's answer."""

    system: str
    nvml: Callable[[], Any]
    amdsmi: Callable[[], Any]
    counters: Callable[[], Query]
    fetch: libre.Fetch
    drm: Path = DRM
    proc: Path = PROC


def this_machine() -> Access:
    return Access(
        system=platform.system(),
        nvml=lambda: import_module("pynvml"),
        amdsmi=lambda: import_module("amdsmi"),
        counters=lambda: PdhQuery(COUNTERS),
        fetch=libre.fetch,
    )
