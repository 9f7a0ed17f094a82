"""What every fault is: something that is done to a service, shown to have taken effect, and taken back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import psutil

from pytest_rawrxd.rig.faults.wire import Expected, Spoken, request_bytes, speak
from pytest_rawrxd.rig.server.dialects import DIALECTS
from pytest_rawrxd.rig.server.response import Ask
from pytest_rawrxd.rig.server.target import HttpTarget
from pytest_rawrxd.rig.target.supervisor import Supervisor


@dataclass(frozen=True)
class Proof:
    """Whether a fault took effect, and what shows it."""

    held: bool
    said: str


class Journal(Protocol):
    """A journal as the suite keeps one."""

    def write(self, kind: str, data: dict[str, Any]) -> Any:
        """Append a record, or raise RawrxdError."""
        ...

    def fileno(self) -> int: ...
    def readable(self) -> int:
        """How many records can be read back."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Site:
    """The service that is hurt, with everything that a fault needs to know of it."""

    supervisor: Supervisor
    port: int
    dialect: str
    streams: int
    context: int  #: cells of the KV cache, all streams together
    tokens: int  #: of an ordinary request
    deadline_s: float  #: of an ordinary request
    scratch: Path  #: a folder for files that only faults use
    model: Path | None = None  #: None: the suite does not see its file
    cancellations: int = 20
    open_journal: Callable[[Path], Journal] | None = None  #: a journal like the suite's own, in this folder
    served_as: str | None = None  #: the name of its model, for a service that needs one in each request
    clock: Callable[[], int] = time.perf_counter_ns
    others: tuple[str, ...] = ()  #: base URLs of the further servers of a fleet, which the load goes to as well

    def ask(
        self,
        what: str,
        *,
        prompt: str = "the sea",
        tokens: int | None = None,
        deadline_s: float | None = None,
        expects: Expected = "answer",
        port: int | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Spoken:
        """Send one generation to the service, or to ``port`` in front of it, and say how it ended."""
        dialect = DIALECTS[self.dialect]
        body = {**dialect.body(Ask(prompt, tokens or self.tokens, self.served_as)), **(more or {})}
        payload = request_bytes(self.path, json.dumps(body).encode())
        return speak(what, port or self.port, payload, deadline_s=deadline_s or self.deadline_s, expects=expects)

    @property
    def target(self) -> HttpTarget:
        """The service as the load client and canaries ask it."""
        url = self.supervisor.service.base_url + DIALECTS[self.dialect].base_path
        return HttpTarget(self.dialect, url, self.served_as)

    @property
    def fleet(self) -> HttpTarget:
        """The service with the rest of its fleet, as the load goes to them in turn."""
        others = tuple(url + DIALECTS[self.dialect].base_path for url in self.others)
        return replace(self.target, others=others, servers=1 + len(others))

    @property
    def path(self) -> str:
        """Where generations are asked for."""
        dialect = DIALECTS[self.dialect]
        return dialect.base_path + dialect.path

    @property
    def process(self) -> psutil.Process:
        """The process that serves now; psutil.NoSuchProcess where there is none."""
        pid = self.supervisor.pid
        if pid is None:
            raise psutil.NoSuchProcess(-1)
        return psutil.Process(pid)


class Fault(Protocol):
    """One fault. ``talks`` are the exchanges that it had with the service itself, ``wrong`` what else went badly."""

    @property
    def name(self) -> str: ...
    @property
    def talks(self) -> list[Spoken]: ...
    @property
    def wrong(self) -> list[str]: ...
    def inject(self) -> None:
        """Do it. Raises RigTrouble or psutil.Error where it cannot be done here."""
        ...

    def proof(self) -> Proof:
        """What shows now that it took effect."""
        ...

    def undo(self) -> None:
        """Take it back; safe when there is nothing to take back."""
        ...


@dataclass
class Base:
    """What faults share: the site, the exchanges, and the instant of injection."""

    site: Site
    talks: list[Spoken] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    began_ns: int = 0

    def begin(self) -> None:
        """Note the instant of injection."""
        self.began_ns = self.site.clock()

    def saw(self, *kinds: str) -> str | None:
        """What the supervisor said at the first event of ``kinds`` since the injection."""
        found = (event for event in self.site.supervisor.since(self.began_ns) if event.kind in kinds)
        return next((f"{event.kind}: {event.said}".removesuffix(": ") for event in found), None)

    def undo(self) -> None:
        """Nothing to take back."""
