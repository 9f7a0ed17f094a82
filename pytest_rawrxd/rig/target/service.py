"""What can be supervised: a llama-server, a command of the profile, or a service that somebody else supervises."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.engine.log import buffers
from pytest_rawrxd.rig.engine.protocol import EngineInfo, LoadOptions
from pytest_rawrxd.rig.server.managed import ManagedServer
from pytest_rawrxd.rig.server.program import Program
from pytest_rawrxd.rig.target.process import ServiceProcess

#: How long a process that was asked to end is left alone before it is looked at again.
POLL_S = 0.02


@dataclass(frozen=True)
class Change:
    """What the next start does differently: how a fault reaches a process that does not exist yet."""

    environ: Mapping[str, str] = field(default_factory=dict)
    model: Path | None = None
    memory_limit: int | None = None  #: bytes of private memory


UNCHANGED = Change()


class Running(Protocol):
    """A process of the service."""

    @property
    def pid(self) -> int: ...
    @property
    def log(self) -> tuple[str, ...]: ...
    @property
    def load_log(self) -> tuple[str, ...]: ...
    def ended(self) -> str | None:
        """How it ended, in words; None while it lives."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class Service(Protocol):
    """How one kind of service is started. ``owned``: the suite restarts it, nobody else does."""

    @property
    def owned(self) -> bool: ...
    @property
    def base_url(self) -> str: ...
    @property
    def info(self) -> EngineInfo: ...
    def wake(self) -> None:
        """Ask whoever supervises it to start it; nothing where the suite does."""
        ...

    def start(self, change: Change) -> Running | None:
        """A process of it; None while somebody else's supervisor has none. Raises RigTrouble."""
        ...


@dataclass(frozen=True)
class LlamaServerService:
    """A llama-server of the suite's own on one port of the loopback address."""

    program: Program
    model: Path
    options: LoadOptions
    environ: Mapping[str, str]
    port: int
    info: EngineInfo
    arguments: tuple[str, ...] = ()
    end_s: float = 10.0
    owned: bool = True

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wake(self) -> None:
        """Nobody to ask."""

    def start(self, change: Change) -> Running | None:
        environ = {**self.environ, **change.environ}
        server = ManagedServer(
            self.program,
            change.model or self.model,
            self.options,
            environ=environ,
            arguments=self.arguments,
            port=self.port,
            end_s=self.end_s,
        )
        limit_memory(server.pid, change.memory_limit)
        return server


@dataclass(frozen=True)
class CommandService:
    """A command line of the profile, with {model}, {port}, {context} and {streams} filled in."""

    command: tuple[str, ...]
    values: Mapping[str, str]
    environ: Mapping[str, str]
    base_url: str
    info: EngineInfo
    end_s: float = 10.0
    owned: bool = True

    def wake(self) -> None:
        """Nobody to ask."""

    def start(self, change: Change) -> Running | None:
        values = {**self.values, **({"model": str(change.model)} if change.model else {})}
        environment = child_environment({**self.environ, **change.environ})
        try:
            process = ServiceProcess(
                [filled(word, values) for word in self.command], environment=environment, end_s=self.end_s
            )
        except OSError as problem:
            raise RigTrouble("the target does not start", where=self.command[0], found=str(problem)) from problem
        limit_memory(process.pid, change.memory_limit)
        return process


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class AttachedService:
    """A service that systemd, Docker or Windows supervises, asked through the profile's hooks.

    The first start and every planned one go through the start hook; restarts after a fault are its supervisor's.
    """

    start_hook: tuple[str, ...]
    stop_hook: tuple[str, ...]
    pid_hook: tuple[str, ...]
    environ: Mapping[str, str]
    base_url: str
    info: EngineInfo
    deadline_s: float = 60.0
    run: Run = subprocess.run
    owned: bool = False

    def wake(self) -> None:
        self.ask(self.start_hook)

    def start(self, change: Change) -> Running | None:
        if change != UNCHANGED:
            raise RigTrouble(
                "somebody else starts this target: no fault can change how",
                where=" ".join(self.start_hook),
                possible="a supervision.command, which the suite starts itself",
            )
        said = self.ask(self.pid_hook).strip()
        pid = int(said) if said.isdecimal() else 0
        return AttachedProcess(pid, self) if pid > 0 and psutil.pid_exists(pid) else None

    def ask(self, hook: Sequence[str]) -> str:
        """What a hook printed. Raises RigTrouble when it fails or takes longer than its deadline."""
        try:
            result = self.run(
                list(hook),
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=self.deadline_s,
                env=child_environment(self.environ),
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise RigTrouble("a hook of the target failed", where=" ".join(hook), found=str(problem)) from problem
        if result.returncode != 0:
            found = f"exit status {result.returncode}: {result.stderr.strip()[-300:]}"
            raise RigTrouble("a hook of the target failed", where=" ".join(hook), found=found)
        return result.stdout


class AttachedProcess:
    """The process that a hook named."""

    log: tuple[str, ...] = ()
    load_log: tuple[str, ...] = ()

    def __init__(self, pid: int, service: AttachedService) -> None:
        self.pid, self._service = pid, service
        self._process = psutil.Process(pid)  # remembers its start: a reused id is another process

    def ended(self) -> str | None:
        with contextlib.suppress(psutil.NoSuchProcess):
            if self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE:
                return None
        return "it is gone; somebody else knows its exit status"

    def close(self) -> None:
        """Ask the stop hook and see the process go: who measures a start must not meet the one before it."""
        service = self._service
        service.ask(service.stop_hook)
        ends = time.monotonic() + service.deadline_s
        while self.ended() is None:
            if time.monotonic() > ends:
                raise RigTrouble(
                    "the target does not end",
                    where=" ".join(service.stop_hook),
                    found=f"process {self.pid} runs {service.deadline_s:g} s after it",
                    possible="a hook that ends the service, and a supervisor that leaves it ended",
                )
            time.sleep(POLL_S)


def filled(word: str, values: Mapping[str, str]) -> str:
    """``word`` with each {name} of ``values``; other braces stay as they are."""
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def can_limit_memory() -> bool:
    """Whether this system limits the memory of another process."""
    return hasattr(psutil, "RLIMIT_DATA")


def limit_memory(pid: int, limit: int | None) -> None:
    """Let the process have at most ``limit`` bytes of private memory; None leaves it as it is.

    Files that it maps do not count, so that it gets as far as loading. RigTrouble where no system call does it.
    """
    if limit is None:
        return
    if not can_limit_memory():
        raise RigTrouble("this system limits no process's memory", possible="Linux")
    with contextlib.suppress(psutil.NoSuchProcess):  # it has ended already: the supervisor sees that
        psutil.Process(pid).rlimit(psutil.RLIMIT_DATA, (limit, limit))


def weights_on(log: Sequence[str]) -> dict[str, int]:
    """Device -> bytes of weights, from the load log; of host memory where several buffers are."""
    found: dict[str, int] = {}
    for entry in weight_buffers(log):
        found[entry["device"]] = found.get(entry["device"], 0) + entry["bytes"]
    return found


def weight_buffers(log: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """The buffers of the load log that hold weights."""
    return tuple(entry for entry in buffers(log) if entry["kind"] == "model" and entry["bytes"] > 0)
