"""What a worker does for the coordinator: the client of one host, told what to do over the wire.

Everything here runs on the worker; the functions are what the coordinator submits by name.
"""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from distributed import WorkerPlugin, get_worker

from pytest_rawrxd import __version__
from pytest_rawrxd.errors import RigTrouble, UsageProblem
from pytest_rawrxd.measure.histogram import Histogram
from pytest_rawrxd.measure.hosts.clocks import Anchor
from pytest_rawrxd.measure.hosts.counted import count_gaps
from pytest_rawrxd.measure.load.arrays import LoadArrays
from pytest_rawrxd.measure.load.calibration import Calibration, calibrate
from pytest_rawrxd.measure.load.plan import Share, plan_from_json
from pytest_rawrxd.measure.load.run import Clients
from pytest_rawrxd.rig.host import read_host
from pytest_rawrxd.rig.server.secret import key_of

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PLUGIN = "rawrxd-load"


@dataclass(frozen=True)
class ShareResult:
    """What a worker brings back of its share. Instants are of its own clock."""

    arrays: LoadArrays
    summary: dict[str, Any]
    counted: Histogram  #: its gaps, counted where they were measured
    late_ns: int  #: how much later than told its clients were started; below 0 they were early enough
    anchor: Anchor  #: of its clocks, behind the run


class Held(WorkerPlugin):
    """The clients that are ready on this worker; they end with it."""

    name = PLUGIN

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: Clients | None = None

    def take(self, clients: Clients | None) -> None:
        """Hold ``clients`` in the place of those before, which end."""
        with self._lock:
            before, self._clients = self._clients, clients
        if before is not None:
            before.close()

    @property
    def ready(self) -> Clients:
        """The clients that were prepared last. Raises RigTrouble where there are none."""
        if self._clients is None:
            raise RigTrouble("this worker was not prepared for a run", where=platform.node())
        return self._clients

    def teardown(self, worker: Any) -> None:  # noqa: ARG002 - Dask gives it
        """End them: the worker closes."""
        self.take(None)


def introduce() -> dict[str, Any]:
    """Who this worker is: host, system, processor, suite; ``kernel`` is the same for workers on one running system."""
    host = read_host()
    return {
        "name": platform.node(),
        "kernel": kernel(),
        "pid": os.getpid(),
        "suite": __version__,
        "python": host.python,
        "llc_bytes": host.llc_bytes,
        **host.identity(),
    }


def kernel(boot_id: Path = BOOT_ID) -> str:
    """What tells one running system from another, over containers and network namespaces."""
    try:
        return boot_id.read_text(encoding="ascii").strip()
    except OSError:  # not Linux
        return f"{platform.node()} up since {int(psutil.boot_time())}"


def anchor() -> Anchor:
    """This instant, on both clocks of this host."""
    return Anchor(time.time_ns(), time.perf_counter_ns())


def prepare(plan: dict[str, Any], share: dict[str, int]) -> None:
    """Start the client of ``share`` and wait until it is ready.

    Raises UsageProblem where the plan names a key or certificates that this host does not have: they never travel.
    """
    held = _held()
    held.take(None)
    wanted = plan_from_json(plan)
    try:
        key_of(wanted.target, os.environ)
    except UsageProblem as problem:
        raise UsageProblem(f"{problem.what} on this host", where=platform.node(), found=problem.found) from problem
    ca_file = wanted.target.ca_file
    if ca_file and not Path(ca_file).is_file():
        raise UsageProblem("no file of certificates on this host", where=platform.node(), found=ca_file)
    held.take(Clients(wanted, [Share(**share)], environ=os.environ))


def go(start_ns: int, *, grace_s: float, bounds_ns: Sequence[int]) -> ShareResult:
    """Let the prepared client begin at ``start_ns`` of this host's clock, and bring back what it received."""
    told: list[int] = []
    held = _held()
    found = held.ready.run(
        start_ns, grace_s=grace_s, on_start=lambda _start: told.append(time.perf_counter_ns() - start_ns)
    )
    held.take(None)
    totals = np.concatenate([[0], np.cumsum(found.arrays.tokens, dtype=np.int64)])
    counted = count_gaps(
        totals[found.arrays.offsets],
        np.repeat(found.arrays.stamps_ns, found.arrays.tokens),
        start_ns=start_ns,
        bounds_ns=bounds_ns,
    )
    return ShareResult(found.arrays, found.summary, counted, told[0], anchor())


def calibrated(*, streams: int, rate: float, seconds: float, pattern: str) -> Calibration:
    """The calibration of this host's client, as on one host."""
    return calibrate(streams=streams, rate=rate, seconds=seconds, pattern=pattern, environ=os.environ)


def _held() -> Held:
    held = get_worker().plugins[PLUGIN]
    if not isinstance(held, Held):
        raise RigTrouble("this is no load worker of ours", where=platform.node())
    return held
