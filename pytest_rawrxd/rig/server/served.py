"""A server under measurement, whether the suite started it or somebody else did."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil

from pytest_rawrxd.errors import EngineCrashed, EngineHung, LoadFailed
from pytest_rawrxd.rig.engine.protocol import EngineInfo, LoadOptions
from pytest_rawrxd.rig.server.fleet import ManagedFleet, of_one, started
from pytest_rawrxd.rig.server.found import FoundRemote, FoundServer, found_again
from pytest_rawrxd.rig.server.managed import ManagedServer
from pytest_rawrxd.rig.server.target import HttpTarget

LOOK_S = 0.5  #: between two looks whether a server answers again


class Served(Protocol):
    """A server that answers. ``load`` is its load report, with None for what it does not tell."""

    @property
    def target(self) -> HttpTarget: ...
    @property
    def info(self) -> EngineInfo: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def more_pids(self) -> tuple[int, ...]: ...
    @property
    def load(self) -> Mapping[str, Any]: ...
    @property
    def log(self) -> tuple[str, ...]: ...

    def check(self) -> None:
        """Return when the server is alive, as far as that can be seen. Raises EngineCrashed otherwise."""
        ...


@dataclass(frozen=True)
class Remote:
    """A server that somebody else started: what it sends can be seen, and on this machine what its process uses."""

    target: HttpTarget
    info: EngineInfo
    pid: int | None = None
    load: Mapping[str, Any] = field(
        default_factory=lambda: {"layers_offloaded": None, "layers_total": None, "buffers": ()}
    )
    log: tuple[str, ...] = ()
    more_pids: tuple[int, ...] = ()

    def check(self) -> None:
        """Nothing to see: a server that is gone answers no request."""


class Reached:
    """A server that somebody else started, watched for hours: where its process is seen, its end is."""

    log: tuple[str, ...] = ()

    def __init__(self, found: FoundRemote) -> None:
        self.target, self.info, self.pid = found.target, found.info, found.pid
        self.load: Mapping[str, Any] = {"layers_offloaded": None, "layers_total": None, "buffers": ()}
        self.more_pids = found.more_pids
        seen = [*([found.pid] if found.pid else []), *found.more_pids]
        self._processes = [psutil.Process(pid) for pid in seen]  # they remember their start: ids are used again

    def check(self) -> None:
        for process in self._processes:
            if _lives(process):
                continue
            raise EngineCrashed(
                "the server ended while it was measured",
                where=f"process {process.pid}, {self.target.base_url}",
                found="it is gone; whoever started it knows its exit status",
            )


class Managed:
    """A llama-server of the suite's own, ready."""

    more_pids: tuple[int, ...] = ()

    def __init__(self, server: ManagedServer, *, deadline_s: float) -> None:
        loaded = server.wait_ready(deadline_s=deadline_s)
        offloaded, layers = loaded.layers or (None, None)
        self._server = server
        self.target = server.target()
        self.info = server.info()
        self.pid: int | None = server.pid
        self.load: Mapping[str, Any] = {
            "load_s": loaded.load_s,
            "layers_offloaded": offloaded,
            "layers_total": layers,
            "buffers": loaded.buffers,
            "slots": loaded.slots,
            "log": loaded.log,
        }

    @property
    def log(self) -> tuple[str, ...]:
        return self._server.log

    def check(self) -> None:
        self._server.check()


def reach(
    found: FoundRemote,
    *,
    deadline_s: float,
    look: Callable[[FoundRemote], FoundRemote | None] = found_again,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Reached:
    """The running server ``found``, once it answers: somebody else starts it again when it has ended.

    Raises EngineHung where nothing answers by the deadline, LoadFailed where another engine does.
    """
    ends = clock() + deadline_s
    while (now := look(found)) is None or now.info != found.info:  # one that is loading does not say who it is
        if clock() < ends:
            pause(LOOK_S)
        elif now is None:
            raise EngineHung(
                "the server does not answer",
                where=found.target.base_url,
                found=f"nothing for {deadline_s:g} s",
                possible="start it again: nobody here can",
            )
        else:
            raise LoadFailed(
                "another engine answers than before",
                where=found.target.base_url,
                found=now.info.sentence(),
                possible=found.info.sentence(),
            )
    return Reached(now)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def serve(
    found: FoundServer, model: Path, options: LoadOptions, *, environ: Mapping[str, str], deadline_s: float
) -> Iterator[Served]:
    """The server that was found: a managed one, or each of a fleet, fresh, with ``model`` and ``options``; a remote one
    as it is.

    Raises LoadFailed or EngineHung when a managed one does not become ready.
    """
    if isinstance(found, FoundRemote):
        yield Remote(found.target, found.info, found.pid, more_pids=found.more_pids)
        return
    if found.servers > 1:
        each = of_one(options, found.servers)
        with started(found, model, each, servers=found.servers, environ=environ) as servers:
            yield ManagedFleet(servers, deadline_s=deadline_s)
        return
    with ManagedServer(found.program, model, options, environ=environ, arguments=found.arguments) as server:
        yield Managed(server, deadline_s=deadline_s)
