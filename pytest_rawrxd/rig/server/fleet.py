"""Several llama-servers of the suite's own on the loopback address, as one target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.server.found import FoundProgram
from pytest_rawrxd.rig.server.managed import ManagedServer


class ManagedFleet:
    """Servers of one build and one model, all of them ready; the load goes to them in turn."""

    def __init__(self, servers: Sequence[ManagedServer], *, deadline_s: float) -> None:
        """Wait for every one of ``servers``. Raises LoadFailed or EngineHung as each of them does."""
        loads = [server.wait_ready(deadline_s=deadline_s) for server in servers]
        first, *others = servers
        self._servers = tuple(servers)
        self.target = replace(
            first.target(),
            others=tuple(other.target().base_url for other in others),
            servers=len(servers),
            names=tuple(f"llama-server {number}" for number in range(1, len(servers) + 1)),
        )
        info = first.info()
        self.info = replace(info, details={**info.details, "servers": len(servers)})
        self.pid: int | None = first.pid
        self.more_pids = tuple(other.pid for other in others)
        layers = {load.layers for load in loads}
        # What differs from server to server is no statement about the fleet.
        offloaded, every = (layers.pop() if len(layers) == 1 else None) or (None, None)
        slots = [load.slots for load in loads if load.slots is not None]
        self.load: Mapping[str, Any] = {
            "load_s": max(load.load_s for load in loads),
            "layers_offloaded": offloaded,
            "layers_total": every,
            "buffers": tuple(buffer for load in loads for buffer in load.buffers),
            "slots": sum(slots) if len(slots) == len(loads) else None,
            "log": tuple(line for load in loads for line in load.log),
        }

    @property
    def log(self) -> tuple[str, ...]:
        return tuple(line for server in self._servers for line in server.log)

    def check(self) -> None:
        """Return when every server is alive. Raises EngineCrashed of the first that is not."""
        for server in self._servers:
            server.check()


def of_one(options: LoadOptions, servers: int) -> LoadOptions:
    """How each of ``servers`` on one machine is loaded: with its share of the processor's threads.

    And with room for all streams, which it carries when the others are gone.
    """
    threads = options.n_threads
    return options if threads is None else replace(options, n_threads=max(1, threads // servers))


@contextmanager
def started(
    found: FoundProgram, model: Path, options: LoadOptions, *, servers: int, environ: Mapping[str, str]
) -> Iterator[tuple[ManagedServer, ...]]:
    """So many llama-servers, each with ``options``, started together; leaving ends them all."""
    with ExitStack() as stack:
        yield tuple(
            stack.enter_context(
                ManagedServer(found.program, model, options, environ=environ, arguments=found.arguments)
            )
            for _ in range(servers)
        )
