"""A real llama-server that the suite starts, waits for, watches and stops."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from pytest_rawrxd.errors import EngineCrashed, EngineHung, LoadFailed
from pytest_rawrxd.rig.engine.devices import digest
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.engine.log import buffers, notable, offloaded
from pytest_rawrxd.rig.engine.protocol import EngineInfo, LoadOptions
from pytest_rawrxd.rig.server.arguments import server_arguments
from pytest_rawrxd.rig.server.probe import get
from pytest_rawrxd.rig.server.program import Program
from pytest_rawrxd.rig.server.target import HttpTarget
from pytest_rawrxd.rig.target.process import ServiceProcess

TAIL = 80
POLL_S = 0.05
PROBE_S = 2.0
_BACKENDS = {"vulkan": "vulkan", "cuda": "cuda", "rocm": "rocm", "hip": "rocm", "metal": "metal", "mtl": "metal"}

Spawn = Callable[..., "subprocess.Popen[bytes]"]
Get = Callable[..., tuple[int, bytes] | None]


@dataclass(frozen=True)
class ServerLoad:
    """What starting the server did, with the proof of where the weights went."""

    load_s: float  #: from the start of the process to its first "ok"
    layers: tuple[int, int] | None  #: offloaded, all; None: this build does not log it
    buffers: tuple[dict[str, Any], ...]  #: device, kind, bytes: from the log
    slots: int | None  #: streams at once, as the server says; None: it does not
    log: tuple[str, ...]  #: lines worth keeping


class ManagedServer:
    """A llama-server process. Use as a context manager: leaving ends it; so does the end of this object."""

    def __init__(
        self,
        program: Program,
        model: Path,
        options: LoadOptions,
        *,
        environ: Mapping[str, str],
        arguments: Sequence[str] = (),
        spawn: Spawn = subprocess.Popen,
        clock: Callable[[], float] = time.monotonic,
        probe: Get = get,
        end_s: float = 10.0,
        port: int | None = None,
    ) -> None:
        """Start the process. ``arguments`` come last and override; ``environ`` is filtered before it is handed on.

        ``port`` of the loopback address stays the same over restarts; None takes a free one.
        """
        self.program, self._clock, self._probe = program, clock, probe
        port = free_port() if port is None else port
        self.base_url = f"http://127.0.0.1:{port}"
        self.command = (str(program.path), *server_arguments(program, model, options, port=port), *arguments)
        self._began = clock()
        self._child = ServiceProcess(
            self.command, environment=server_environment(environ, program), spawn=spawn, end_s=end_s
        )
        self.pid = self._child.pid
        self._load: ServerLoad | None = None

    @property
    def log(self) -> tuple[str, ...]:
        """What the server said, oldest first, as ``"E text"``."""
        return self._child.log

    @property
    def load_log(self) -> tuple[str, ...]:
        """What it said while it loaded, and after that up to some lines."""
        return self._child.load_log

    def wait_ready(self, *, deadline_s: float) -> ServerLoad:
        """Wait until the server answers that its model is loaded.

        Raises LoadFailed when the process ends before, EngineHung when ``deadline_s`` passes; it is ended then.
        """
        if self._load is not None:
            return self._load
        ends = self._began + deadline_s
        while not self._healthy(min(PROBE_S, max(POLL_S, ends - self._clock()))):
            if (ended := self._child.wait(POLL_S)) is not None:
                self.close()
                raise LoadFailed(
                    "llama-server ended before its model was loaded",
                    where=" ".join(self.command),
                    found=ended,
                    log_tail=self.log[-TAIL:],
                )
            if self._clock() >= ends:
                self.close()
                raise EngineHung(
                    "llama-server was not ready at its deadline",
                    where=" ".join(self.command),
                    found=f"no answer that a model is loaded after {deadline_s:g} s; process ended",
                    possible="a longer deadline if it was only slow",
                    log_tail=self.log[-TAIL:],
                )
        took, lines = self._clock() - self._began, self.log
        self._load = ServerLoad(took, offloaded(lines), buffers(lines), self._slots(), notable(lines))
        return self._load

    def check(self) -> None:
        """Return when the process is alive. Raises EngineCrashed with its last words otherwise."""
        ended = self._child.ended()
        if ended is not None:
            self.close()
            raise EngineCrashed(
                "llama-server ended while it was measured",
                where=f"process {self.pid}",
                found=ended,
                log_tail=self.log[-TAIL:],
            )

    def target(self, dialect: str = "llama-server") -> HttpTarget:
        """Where to send requests: its own endpoint tells token ids, "openai" is what clients use."""
        return HttpTarget(dialect, self.base_url + ("/v1" if dialect.startswith("openai") else ""))

    def info(self) -> EngineInfo:
        """Who answers, for the signature: commit, backend and device that hold the weights, digest of its files."""
        weights = [entry for entry in (self._load.buffers if self._load else ()) if entry["kind"] == "model"]
        device = max(weights, key=lambda entry: (backend_of(entry["device"]) != "cpu", entry["bytes"]), default=None)
        return EngineInfo(
            name="llama.cpp",
            version=self.program.commit,
            binding="llama-server",
            backend=backend_of(device["device"]) if device else "",
            device=device["device"] if device else "",
            library_sha256=digest(_loaded_files(self.pid, self.program.path)),
            details={
                "version": self.program.version,
                "program": self.program.path.name,
                "source": self.program.source,
                "arguments": list(self.command[1:]),
            },
        )

    def close(self) -> None:
        """End the server and everything it started. Safe to call twice, and after a crash."""
        self._child.close()

    def ended(self) -> str | None:
        """How the process ended, in words; None while it lives."""
        return self._child.ended()

    def __enter__(self) -> Self:
        """Return the server."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End the server."""
        self.close()

    def _healthy(self, timeout_s: float) -> bool:
        answer = self._probe(f"{self.base_url}/health", timeout_s=timeout_s)
        return answer is not None and answer[0] == 200

    def _slots(self) -> int | None:
        answer = self._probe(f"{self.base_url}/props", timeout_s=PROBE_S)
        try:
            slots = json.loads(answer[1])["total_slots"] if answer and answer[0] == 200 else None
        except (ValueError, KeyError, TypeError):
            return None
        return slots if type(slots) is int else None


def server_environment(environ: Mapping[str, str], program: Program) -> dict[str, str]:
    """What the server may know: no secrets, and no LLAMA_ARG_* that would change its arguments unseen."""
    allowed = {name: value for name, value in child_environment(environ).items() if not name.startswith("LLAMA_ARG_")}
    if program.source == "package":  # it brings its own Vulkan loader
        allowed["LD_LIBRARY_PATH"] = ":".join(filter(None, [str(program.path.parent), allowed.get("LD_LIBRARY_PATH")]))
    return allowed


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def backend_of(device: str) -> str:
    """The backend that a device of llama.cpp belongs to, by its name: "Vulkan0", "CPU_Mapped"."""
    return next((name for word, name in _BACKENDS.items() if device.lower().startswith(word)), "cpu")


def _loaded_files(pid: int, program: Path) -> tuple[Path, ...]:
    try:
        mapped = {Path(region.path) for region in psutil.Process(pid).memory_maps()}
    except (AttributeError, psutil.Error):
        mapped = set(program.parent.iterdir())
    names = ("llama", "ggml", "mtmd")
    found = {path for path in mapped if path.suffix != ".gguf" and any(name in path.name for name in names)}
    return tuple(sorted(path for path in {program, *found} if path.is_file()))
