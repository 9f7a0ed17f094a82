"""Read bandwidth of the device that an engine computes on, by the engine's own libraries in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_rawrxd.rig.engine.environment import child_environment

DEADLINE_S = 300.0
MEASURABLE = "llama-cpp-python"  #: the kind of engine whose libraries the child loads

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class DeviceBandwidth:
    """``figures`` as the child prints them; None with the ``reason``."""

    figures: dict[str, Any] | None
    reason: str = ""


def device_bandwidth(
    spec: str, device: str | None = None, *, environ: Mapping[str, str] = os.environ, run: Run = subprocess.run
) -> DeviceBandwidth:
    """Measure the foremost device of the engine ``spec``, or the one that ggml calls ``device``."""
    if spec.partition(":")[0] != MEASURABLE:
        return DeviceBandwidth(None, f"only the libraries of {MEASURABLE} can be asked, not {spec}")
    command = [sys.executable, "-P", "-m", "pytest_rawrxd.rig.engine.bandwidth_child", *([device] if device else [])]
    environment = child_environment(environ)
    try:
        done = run(command, capture_output=True, text=True, errors="replace", timeout=DEADLINE_S, env=environment)
    except subprocess.TimeoutExpired:
        return DeviceBandwidth(None, f"no result after {DEADLINE_S:g} s")
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        return DeviceBandwidth(None, f"exit status {done.returncode}: {said[-1] if said else 'not enough free memory'}")
    return DeviceBandwidth(json.loads(done.stdout.splitlines()[-1]))
