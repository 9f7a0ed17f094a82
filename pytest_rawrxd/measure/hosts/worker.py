"""A load worker: joins a coordinator, does what it is told, ends with it."""

from __future__ import annotations

import asyncio
import logging
import platform
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import dask
from distributed import Worker

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.hosts.keys import security
from pytest_rawrxd.measure.hosts.share import Held

#: What Dask does beside the tasks costs processor time that a measurement would see.
QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.comm.require-encryption": True,
    # Dask's HTTP server cannot be left out: it answers nothing, and on loopback alone, because it knows no keys.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
NOBODY = "127.0.0.1:0"  #: where that server listens
OVER = "scheduler-close"  #: what a scheduler says that ends; whatever else ends a worker was not meant to


class LoadWorker(Worker):
    """A worker that knows why it ended."""

    why_closed = ""

    # Dask's Worker.close overrides Server.close with another type itself.
    async def close(self, *given: Any, **named: Any) -> str | None:  # type: ignore[override]
        """Close, and keep the reason that was given first."""
        self.why_closed = self.why_closed or str(named.get("reason", "worker-close"))
        ended: str | None = await super().close(*given, **named)
        return ended


def work(address: str, keys: Path, *, name: str | None, join_s: int, now: datetime) -> None:
    """Serve the coordinator at ``address`` until it ends.

    Raises RigTrouble when nobody let this worker in, and when it ends although the coordinator does not.
    """
    asyncio.run(_work(address, keys, name=name, join_s=join_s, now=now))


async def _work(address: str, keys: Path, *, name: str | None, join_s: int, now: datetime) -> None:
    logging.getLogger("distributed").setLevel(logging.ERROR)
    patience = {"distributed.comm.timeouts.connect": f"{join_s}s"}
    with dask.config.set({**QUIET, **patience}), tempfile.TemporaryDirectory(prefix="rawrxd-worker-") as scratch:
        try:
            worker = await LoadWorker(
                address,
                nthreads=2,  # one waits for the clients, one answers meanwhile
                name=name or platform.node(),
                security=security(keys, now=now),
                plugins=(Held(),),
                memory_limit=0,
                dashboard=False,
                dashboard_address=NOBODY,
                death_timeout=join_s,
                local_directory=scratch,
                silence_logs=logging.ERROR,
            )
        except (OSError, TimeoutError, ValueError, RuntimeError) as problem:
            raise RigTrouble(
                "no coordinator let this worker in",
                where=address,
                found=f"{type(problem).__name__}: {problem}".splitlines()[0],
                possible="a session with --sla-load-hosts there, keys that were made together, a --name of its own",
            ) from problem
        await worker.finished()
        if worker.why_closed != OVER:
            raise RigTrouble(
                "the coordinator counts this worker as lost",
                where=address,
                found=worker.why_closed,
                possible="see whether this host was suspended or cut off; the run says what became of its share",
            )
