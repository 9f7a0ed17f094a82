"""The probe exporter: one light stream, a look at the target's own words, and a page that Prometheus reads.

As a process of its own, ``python -m pytest_rawrxd.measure.probe.exporter``, it reads its terms as one line of JSON,
says ``{"port"}``, and ends when its parent does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import psutil
from prometheus_client import start_http_server

from pytest_rawrxd.measure.probe import names
from pytest_rawrxd.measure.probe.exposition import Exposition
from pytest_rawrxd.measure.probe.stream import probe_once
from pytest_rawrxd.measure.probe.terms import ProbeTerms
from pytest_rawrxd.measure.probe.told import Get, recognise, told
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.probe import get
from pytest_rawrxd.rig.server.target import HttpTarget
from pytest_rawrxd.rig.telemetry import Telemetry

#: Signal of the GPU -> the metric that shows it, and what turns its unit into that of the metric.
OF_GPU = {
    "memory_used_bytes": (names.MEMORY, 1.0),
    "temperature_c": (names.TEMPERATURE, 1.0),
    "utilisation_percent": (names.UTILISATION, 0.01),
}


@dataclass
class Exporter:
    """Watches one target until ``stop`` is set. ``gpu`` is read where the target computes on a GPU of this machine."""

    terms: ProbeTerms
    shown: Exposition
    environ: Mapping[str, str]
    gpu: Telemetry | None = None
    probe: Get = get
    wall: Callable[[], float] = time.time
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    last: Failure = Failure.NONE
    target: HttpTarget | None = None

    async def run(self) -> None:
        """Probe and look until ``stop``; nothing that the target does ends it."""
        self.target = self.terms.target
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look())
            group.create_task(self._stream())

    async def _look(self) -> None:
        while not self.stop.is_set():
            self.shown.know(await asyncio.to_thread(self.readings))
            await self._pause(self.terms.health_every_s)

    async def _stream(self) -> None:
        number = 0
        while not self.stop.is_set():
            if self.target is not None:
                self.last = await probe_once(self.target, self.terms, number, self.shown, environ=self.environ)
                number += 1
            await self._pause(self.terms.every_s)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)

    def readings(self) -> dict[str, float]:
        """Everything that can be known now; of a target that is down, that it is."""
        timeout_s = self.terms.health_deadline_s
        if self.target is None:
            self.target = recognise(self.terms.url, timeout_s=timeout_s, probe=self.probe)
        known = None
        if self.target is not None:
            known = told(self.target, now_s=self.wall(), timeout_s=timeout_s, probe=self.probe)
        if known is None:
            return {names.UP: 0.0}
        return {**_process(self.terms.pid), **known, **self._gpu(), names.UP: float(not self.last)}

    def _gpu(self) -> dict[str, float]:
        values = self.gpu.read(tuple(OF_GPU)) if self.gpu is not None else {}
        return {OF_GPU[signal][0]: value * OF_GPU[signal][1] for signal, value in values.items() if value is not None}


def _process(pid: int | None) -> dict[str, float]:
    """Memory and start of a server on this machine."""
    try:
        process = psutil.Process(pid) if pid is not None else None
        return (
            {}
            if process is None
            else {
                names.MEMORY: float(process.memory_info().rss),
                names.START: process.create_time(),
            }
        )
    except psutil.Error:
        return {}


def listening_pid(port: int) -> int | None:
    """The process of this machine that listens on ``port``; None where the system does not tell."""
    try:
        found = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return None
    return next((c.pid for c in found if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port), None)


async def serve(
    terms: ProbeTerms,
    *,
    environ: Mapping[str, str],
    gpu: Telemetry | None = None,
    ready: Callable[[int], None],
) -> None:
    """Export on ``terms.host`` until cancelled. ``ready`` hears the port."""
    shown = Exposition(terms)
    exporter = Exporter(terms, shown, environ, gpu)
    server, thread = start_http_server(terms.port, addr=terms.host, registry=shown.registry)
    try:
        ready(server.server_port)
        await exporter.run()
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def main() -> None:
    """Speak with the parent over stdin and stdout."""
    terms = ProbeTerms.from_json(json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    asyncio.run(serve(terms, environ=os.environ, ready=_say))


def _say(port: int) -> None:
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
