"""Keeps a service running: starts it, asks its ready page, restarts it when it ends or falls silent, notes each event.

Detection and restart belong to what is measured: a recovery time is that of the target under this supervisor, or of an
attached target under its own.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import psutil

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.server.probe import get
from pytest_rawrxd.rig.target.service import UNCHANGED, Change, Running, Service

POLL_S = 0.05
PROBE_S = 1.0  #: the longest wait for one answer of the ready page
STILLBORN = 3  #: ends in a row that are enough of a service that was never ready
NS = 1_000_000_000

Get = Callable[..., tuple[int, bytes] | None]


@dataclass(frozen=True)
class Policy:
    """When a service counts as ready, as silent, and what follows its end."""

    ready_path: str
    ready_deadline_s: float
    silence_s: float
    restart: bool = True
    restart_wait_s: float = 1.0


@dataclass(frozen=True)
class Event:
    """Something that the supervisor did or saw, at an instant of ``perf_counter_ns``."""

    kind: str  #: "started", "ready", "ended", "silent", "stopped", "refused"
    at_ns: int
    said: str = ""


class Supervisor:
    """One service under watch. Use as a context manager: entering starts it and its watch, leaving ends both."""

    def __init__(
        self,
        service: Service,
        policy: Policy,
        *,
        probe: Get = get,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.service, self.policy = service, policy
        self.change: Change = UNCHANGED
        self._probe, self._clock = probe, clock
        self._events: list[Event] = []
        self._running: Running | None = None
        self._last_log: tuple[str, ...] = ()
        self._last_load: tuple[str, ...] = ()
        self._ready = False
        self._wanted = True
        self._heard_ns = self._due_ns = clock()
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="supervisor")

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything so far, oldest first."""
        return tuple(self._events)

    def since(self, instant_ns: int) -> tuple[Event, ...]:
        """The events from an instant on."""
        return tuple(event for event in self.events if event.at_ns >= instant_ns)

    @property
    def ready(self) -> bool:
        """Whether the last answer of the ready page was good."""
        return self._ready

    @property
    def pid(self) -> int | None:
        """The process that serves now."""
        running = self._running
        return None if running is None else running.pid

    @property
    def log(self) -> tuple[str, ...]:
        """What the process says; between two processes, what the last one said."""
        running = self._running
        return self._last_log if running is None else running.log

    @property
    def load_log(self) -> tuple[str, ...]:
        """What the process said first; between two processes, what the last one did."""
        running = self._running
        return self._last_load if running is None else running.load_log

    def step(self) -> None:
        """Look once: start what is due, notice an end or a silence."""
        with self._lock:
            running = self._running
            if running is None:
                self._start_when_due()
            elif (ended := running.ended()) is not None:
                self._gone("ended", ended)
            elif self._answers():
                self._heard_ns = self._clock()
                if not self._ready:
                    self._ready = True
                    self._note("ready")
            else:
                allowed_s = self.policy.silence_s if self._ready else self.policy.ready_deadline_s
                waited_s = (self._clock() - self._heard_ns) / NS
                if waited_s > allowed_s:
                    self._silent(f"no good answer of {self.policy.ready_path} for {waited_s:.1f} s")

    def restart(self) -> None:
        """End the process as an operator does, and start the next one at once."""
        with self._lock:
            if self._running is not None:
                self._note("stopped", "a planned restart")
                self._forget()
            self._wanted, self._due_ns = True, self._clock()
            self.service.wake()

    def wait_ready(self, *, deadline_s: float) -> bool:
        """Whether the service became ready within ``deadline_s``; one that only ever ended is not waited for."""
        ends = self._clock() + round(deadline_s * NS)
        while not self._ready and self._clock() < ends and not self._stillborn():
            self._over.wait(POLL_S)
        return self._ready

    def _stillborn(self) -> bool:
        """Whether it ended each time that it was started: a program for another processor, a model it cannot read."""
        said = [event.kind for event in self.events]
        return self.service.owned and "ready" not in said and said.count("ended") >= STILLBORN

    def children(self) -> tuple[int, ...]:
        """Ended processes of this suite that nobody has taken note of: zombies."""
        return tuple(
            child.pid
            for child in psutil.Process().children(recursive=True)
            if child.is_running() and child.status() == psutil.STATUS_ZOMBIE
        )

    def _start_when_due(self) -> None:
        if not self._wanted or self._clock() < self._due_ns:
            return
        try:
            self._running = self.service.start(self.change)
        except RigTrouble as trouble:
            self._note("refused", f"{trouble.what}: {trouble.found}")
            self._due_ns = self._clock() + round(self.policy.restart_wait_s * NS)
            return
        if self._running is not None:
            self._heard_ns = self._clock()
            self._note("started", f"process {self._running.pid}")

    def _answers(self) -> bool:
        url = self.service.base_url + self.policy.ready_path
        answer = self._probe(url, timeout_s=min(PROBE_S, self.policy.silence_s))
        return answer is not None and answer[0] == 200

    def _silent(self, said: str) -> None:
        """Of an attached service it is noted only: what follows is its own supervisor's decision."""
        if self.service.owned:
            if self.pid is not None:
                with contextlib.suppress(psutil.Error):  # a frozen process never hears a polite request to end
                    psutil.Process(self.pid).kill()
            self._gone("silent", said)
        elif self._ready:
            self._ready = False
            self._note("silent", said)

    def _gone(self, kind: str, said: str) -> None:
        self._note(kind, said)
        self._forget()
        self._wanted = self.policy.restart or not self.service.owned
        self._due_ns = self._clock() + round(self.policy.restart_wait_s * NS)

    def _forget(self) -> None:
        self._ready = False
        running, self._running = self._running, None
        if running is not None:
            if self.service.owned or running.ended() is None:  # an attached one that ended is buried by its supervisor
                running.close()
            self._last_log, self._last_load = running.log, running.load_log

    def _note(self, kind: str, said: str = "") -> None:
        self._events.append(Event(kind, self._clock(), said))

    def _watch(self) -> None:
        while not self._over.wait(POLL_S):
            self.step()

    def close(self) -> None:
        """End the watch, then the service."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(2 * PROBE_S + self.policy.silence_s)
        with self._lock:
            self._wanted = False
            self._forget()

    def __enter__(self) -> Self:
        """Start the service and its watch."""
        self.service.wake()
        self.step()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """End both."""
        self.close()
