"""How much of a measured gap is the client's own doing: the same client against a server that knows what it sent.

Interval error is ``|gap the client saw - gap the server sent|``: both clocks are one, so nothing needs to be aligned.
Run before and after a measurement at the same streams and rate, so that the noise of that hour is known.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from pytest_rawrxd.errors import RigTrouble, UsageProblem
from pytest_rawrxd.measure.load.arrays import LoadArrays
from pytest_rawrxd.measure.load.latency import failed
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.run import run_load
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.server.target import HttpTarget

PATTERNS = ("burst", "spread")
_SENT = re.compile(rb'"sent_ns":(\d+)')

Spawn = Callable[..., "subprocess.Popen[bytes]"]


@dataclass(frozen=True)
class Calibration:
    """The client's own error at one load, in microseconds."""

    streams: int
    rate: float  #: events a second and stream
    pattern: str  #: "burst": all streams at one instant, as a batching engine sends; "spread"
    intervals: int
    p50_us: float
    p99_us: float
    max_us: float
    cpu_us_per_event: float
    loop_lag_p99_us: float | None
    loop_lag_max_us: float | None
    foreign_cpu_share: float  #: of the machine, used by neither client nor server
    rss_bytes: int  #: of all client processes
    host: str | None = None  #: the load worker that was calibrated; None: this machine

    def share_of(self, bound_ms: float) -> float:
        """The noise floor, p99 of the interval error, as a share of a latency bound."""
        return self.p99_us / 1e3 / bound_ms


def calibrate(
    *,
    streams: int,
    rate: float,
    seconds: float,
    pattern: str,
    environ: Mapping[str, str],
    client_core: int | None = None,
    server_core: int | None = None,
    processes: int = 1,
    spawn: Spawn = subprocess.Popen,
) -> Calibration:
    """Run ``streams`` clients against the calibration server for ``seconds`` and return the client's error.

    Raises RigTrouble when the server does not start and UsageProblem for a load of no interval.
    """
    events = round(seconds * rate)
    if streams < 1 or events < 3:
        raise UsageProblem(
            "a calibration needs streams and intervals", found=f"{streams} streams, {events} events each"
        )
    with calibration_server(rate, pattern, environ=environ, core=server_core, spawn=spawn) as (url, server):
        plan = LoadPlan(
            target=HttpTarget("openai", url),
            pace=ClosedLoop(streams),
            prompts=("calibration",),
            requests=streams,
            max_tokens=events,
            deadline_s=seconds * 3 + 10,
            keep_bytes=True,
            processes=processes,
            cores=() if client_core is None else (client_core,),
        )
        before = server.cpu_times()
        result = run_load(plan, environ=environ, spawn=spawn)
        after = server.cpu_times()
    errors_us = interval_errors_ns(result.arrays) / 1e3
    if not errors_us.size:
        raise RigTrouble("the calibration server sent no stream", found=json.dumps(result.summary["failures"]))
    lags = [process["loop_lag_ns"] for process in result.summary["processes"]]
    hosts = [process["host"] for process in result.summary["processes"]]
    own_s = sum(host["own_cpu_s"] for host in hosts)
    capacity_s = hosts[0]["wall_s"] * hosts[0]["cores"]
    server_s = after.user + after.system - before.user - before.system
    return Calibration(
        streams=streams,
        rate=rate,
        pattern=pattern,
        intervals=int(errors_us.size),
        p50_us=float(np.percentile(errors_us, 50)),
        p99_us=float(np.percentile(errors_us, 99, method="higher")),
        max_us=float(errors_us.max()),
        cpu_us_per_event=own_s * 1e6 / (streams * events),
        loop_lag_p99_us=_worst(lags, "p99"),
        loop_lag_max_us=_worst(lags, "max"),
        rss_bytes=sum(host["rss_bytes"] for host in hosts),
        # Counters of ticks and a clock of nanoseconds: the share can come out a tick beside 0 or 1.
        foreign_cpu_share=min(max((hosts[0]["busy_cpu_s"] - own_s - server_s) / capacity_s, 0.0), 1.0),
    )


def interval_errors_ns(arrays: LoadArrays) -> npt.NDArray[np.int64]:
    """``|client gap - server gap|`` of every pair of neighbouring events, all streams together."""
    errors = []
    for row in np.flatnonzero(~failed(arrays)).tolist():
        body = arrays.body(row)
        found = [(match.end(), int(match[1])) for match in _SENT.finditer(body)]
        ends = arrays.chunk_ends[arrays.byte_offsets[row] : arrays.byte_offsets[row + 1]]
        stamps = arrays.chunk_stamps_ns[arrays.byte_offsets[row] : arrays.byte_offsets[row + 1]]
        seen = stamps[np.searchsorted(ends, [position for position, _ in found])]
        errors.append(np.abs(np.diff(seen) - np.diff([sent for _, sent in found])))
    return np.concatenate([np.zeros(0, np.int64), *errors])


def _worst(lags: list[dict[str, Any]], name: str) -> float | None:
    return max((lag[name] / 1e3 for lag in lags if lag[name] is not None), default=None)


@contextlib.contextmanager
def calibration_server(
    rate: float, pattern: str, *, environ: Mapping[str, str], core: int | None = None, spawn: Spawn = subprocess.Popen
) -> Iterator[tuple[str, psutil.Process]]:
    """The server of a calibration, as base URL and process, for as long as the context is open.

    It sends ``rate`` events a second and stream. Raises RigTrouble when it does not start.
    """
    command = [sys.executable, "-P", "-m", "pytest_rawrxd.measure.load.calibration_server"]
    child = spawn(
        [*command, "--rate", str(rate), "--pattern", pattern],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=child_environment(environ),
    )
    with child:  # leaving closes stdin, which ends the server
        line = child.stdout.readline() if child.stdout else b""
        if not line:
            raise RigTrouble("the calibration server did not start", where=" ".join(command))
        process = psutil.Process(child.pid)
        if core is not None:
            process.cpu_affinity([core])
        yield f"http://127.0.0.1:{json.loads(line)['port']}/v1", process
