"""Memory bandwidth of the engine's GPU, measured through the engine's own backend."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.engine.environment import child_environment

BYTES = 512 << 20  #: of each of the two tensors: ten times the largest cache of a GPU
COPIES = 16
ROUNDS = 8
DEADLINE_S = 120.0
LOG_LINES = 8

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class DeviceBandwidth:
    """``bytes_per_s`` counts every byte twice, read and written, in the best of ``rounds``."""

    bytes_per_s: float
    device: str
    backend: str
    working_set: int
    rounds: int
    method: str = "copy within the device, bytes read and written"


def device_bandwidth(
    environ: Mapping[str, str],
    *,
    size: int = BYTES,
    copies: int = COPIES,
    rounds: int = ROUNDS,
    run: Run = subprocess.run,
) -> DeviceBandwidth:
    """Copy ``size`` bytes ``copies`` times a round within the first GPU that llama.cpp sees, in a process of its own.

    The best round counts, because everything that disturbs one makes it slower. Raises RigTrouble where it cannot be
    measured. Source: the copy kernel of STREAM.
    """
    module = "pytest_rawrxd.rig.engine.device_copy_child"
    sizes = [f"--bytes={size}", f"--copies={copies}", f"--rounds={rounds}"]
    try:
        done = run(
            [sys.executable, "-P", "-m", module, *sizes],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DEADLINE_S,
            check=False,
            env=child_environment(environ),
        )
    except subprocess.TimeoutExpired as late:
        raise RigTrouble("the device's bandwidth was not measured", found=f"no answer in {DEADLINE_S:g} s") from late
    lines = tuple(done.stderr.splitlines()[-LOG_LINES:])
    if done.returncode != 0:
        raise RigTrouble(
            "the device's bandwidth was not measured",
            found=f"exit status {done.returncode}: {lines[-1] if lines else 'it said nothing'}",
            log_tail=lines,
        )
    told = json.loads(done.stdout)
    return DeviceBandwidth(
        bytes_per_s=2 * size * copies / min(told["seconds"]),
        device=told["device"],
        backend=told["backend"],
        working_set=2 * size,
        rounds=rounds,
    )
