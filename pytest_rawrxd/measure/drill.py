"""The drill of the monitoring: a real server is slowed, frozen and killed, and it is seen who is called, and when."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.monitoring import CONTROL, DRILL
from pytest_rawrxd.measure.probe import names
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.measure.throttle import Aim, corrected, first_pace
from pytest_rawrxd.rig.degrade import Pace, Slowed, frozen, kill, slowed
from pytest_rawrxd.rig.monitoring.receiver import Call, Receiver
from pytest_rawrxd.rig.monitoring.stack import Stack

Fault = Literal["none", "degrade", "freeze", "kill"]  #: FAULTS, for a type checker
POLL_S = 0.1
STOPS_S = 5.0  #: threads of a suspended process stop when each is scheduled next: one may still answer at once
LOAD_S = 60.0  #: from the start of the probe to its first gap in Prometheus
CONTROLS = 3  #: at most, where the machine slows the server by itself
LOOKS = 2  #: in a window
CYCLE = 0.75  #: of the health's deadline, at most: a server that is slow answers its health all the same


@dataclass(frozen=True)
class DrillTerms:
    """How long is looked and waited, in s.

    ``aims`` are what the server is slowed to, one after the other until somebody is called: first between the early
    warning and the bound, then below it. Each gets ``stage_s`` from the last correction of its pace, all but the last
    at most half of the wait. Below ``early`` tok/s an early warning is due.
    """

    clean_s: float
    window_s: float
    scrape_s: float
    quiet_s: float  #: at most, from the end of a fault until no alert fires
    wait_s: dict[str, float]  #: at most, from a fault to its alert
    counts: dict[str, frozenset[str]]  #: the criteria whose alert the fault has to raise
    early: float
    aims: tuple[Aim, ...]
    stage_s: float
    health_deadline_s: float

    @property
    def settle_s(self) -> float:
        """How long a rate takes to hold nothing of what was before a change."""
        return self.window_s + 2 * self.scrape_s


@dataclass
class Drill:
    """One server under its monitoring. ``answers`` asks for the server's health, ``panels`` are queries by name."""

    terms: DrillTerms
    pid: int
    stack: Stack
    receiver: Receiver
    answers: Callable[[], bool]
    clock: Clock
    sink: Sink
    about: dict[str, Any]
    panels: Mapping[str, str]

    def run(self, say: Callable[[str], None]) -> None:
        """Control, degradation, freeze, kill; each is recorded when it is over. Raises RigTrouble."""
        say("waiting for the first gap in Prometheus")
        if not self._until(lambda: bool(self.stack.value(f"{names.GAP}_count > 0")), LOAD_S):
            raise RigTrouble("Prometheus sees nothing of the probe", found=f"no gap within {LOAD_S:g} s")
        for _ in range(CONTROLS):
            self._until(self._calm, self.terms.quiet_s)
            say("control: no alert may fire")
            healthy, slow = self._control()
            if not slow:
                break
        say("degrading the server")
        self._degrade(healthy)
        self._until(self._quiet, self.terms.quiet_s)
        say("freezing the server")
        with self._recorded("freeze", lambda: frozen(self.pid)) as effect:
            effect["answered"] = not self._until(lambda: not self.answers(), STOPS_S)
        self._until(self._quiet, self.terms.quiet_s)
        say("killing the server")
        with self._recorded("kill", lambda: _killed(self.pid)) as effect:
            effect["answered"] = not self._until(lambda: not self.answers(), STOPS_S)

    def _control(self) -> tuple[float | None, bool]:
        """The healthy speed in tok/s, and whether the server was ever too slow though nothing was done to it."""
        began, wall = self.clock.monotonic_ns(), self.clock.wall().timestamp()
        looks: list[dict[str, Any]] = []
        while (left := self.terms.clean_s - self._since(began)) > 0:
            self.clock.sleep(min(left, self.terms.window_s / LOOKS))
            looks.append(self._look(began))
        panels = {name: self._value(query) for name, query in self.panels.items()}
        self._record(CONTROL, began, wall, {"looks": looks, "panels": panels})
        seen = sorted(each["tokens_per_second"] for each in looks if each["tokens_per_second"] is not None)
        return (seen[len(seen) // 2], seen[0] < self.terms.early) if seen else (None, True)

    def _degrade(self, healthy: float | None) -> None:
        began, wall = self.clock.monotonic_ns(), self.clock.wall().timestamp()
        looks: list[dict[str, Any]] = []
        aim, *worse = self.terms.aims
        with slowed(self.pid, first_pace(aim, healthy, longest_cycle_s=self._longest_s)) as server:
            self._throttle(server, aim, looks, began, wall)
            for lower in worse if not self._told("degrade", wall) else ():
                server.pace = corrected(server.pace, lower, aim.wanted, longest_cycle_s=self._longest_s)
                aim = lower
                self._throttle(server, aim, looks, began, wall)
        self._record("degrade", began, wall, {"healthy_tokens_per_second": healthy, "looks": looks})

    def _throttle(self, server: Slowed, aim: Aim, looks: list[dict[str, Any]], began: int, wall: float) -> None:
        """Correct the pace of ``server`` until its probe sees ``aim``, and leave it there until somebody is called."""
        wait_s, last = self.terms.wait_s["degrade"], aim is self.terms.aims[-1]
        changed_s = self._since(began)
        while not self._told("degrade", wall):
            ends_s = wait_s if last else min(changed_s + self.terms.stage_s, wait_s / 2)
            left = ends_s - self._since(began)
            if left <= 0:
                break
            self._until(lambda: self._told("degrade", wall), min(left, self.terms.window_s / LOOKS))
            look = self._look(began, aim, server.pace)
            looks.append(look)
            seen, settled = look["tokens_per_second"], look["after_s"] - changed_s >= self.terms.settle_s
            if settled and not aim.reached(seen) and not self._told("degrade", wall):
                server.pace = corrected(server.pace, aim, seen, longest_cycle_s=self._longest_s)
                changed_s = self._since(began)

    @property
    def _longest_s(self) -> float:
        return CYCLE * self.terms.health_deadline_s

    def _look(self, began: int, aim: Aim | None = None, pace: Pace | None = None) -> dict[str, Any]:
        """What the probe has seen in the last window, and where the server is slowed, how."""
        how = {} if aim is None or pace is None else {"asked_tokens_per_second": aim.wanted, **asdict(pace)}
        return {"after_s": self._since(began), "tokens_per_second": self._speed(self.terms.window_s), **how}

    def _since(self, began: int) -> float:
        return (self.clock.monotonic_ns() - began) / 1e9

    @contextmanager
    def _recorded(self, fault: Fault, cause: Callable[[], AbstractContextManager[Any]]) -> Iterator[dict[str, Any]]:
        """The fault from its beginning until somebody was called or the wait is over, with what shows that it was."""
        effect: dict[str, Any] = {}
        began, wall = self.clock.monotonic_ns(), self.clock.wall().timestamp()
        with cause():
            yield effect
            self._until(lambda: self._told(fault, wall), self.terms.wait_s[fault] - self._since(began))
        self._record(fault, began, wall, effect)

    def _told(self, fault: Fault, wall_s: float) -> bool:
        return any(call.criterion in self.terms.counts[fault] for call in self._new(wall_s))

    def _new(self, wall_s: float) -> list[Call]:
        """Calls about what began after ``wall_s``; an alert that was firing before is none of this fault's."""
        return [call for call in self.receiver.calls if call.firing and call.began_s > wall_s]

    def _standing(self) -> list[Call]:
        """The last call about each alert that nobody has taken back."""
        last = {(call.name, call.began_s): call for call in self.receiver.calls}
        return [call for call in last.values() if call.firing]

    def _record(self, fault: Fault, began_ns: int, wall_s: float, effect: dict[str, Any]) -> None:
        seen: dict[str, Call] = {}
        # In the control, an alert that has fired all along is no silence either.
        for call in [*(self._standing() if fault == CONTROL else []), *self._new(wall_s)]:
            seen.setdefault(call.name, call)
        self.sink.record(
            DRILL,
            {
                **self.about,
                "fault": fault,
                "began_ns": began_ns,
                "ended_ns": self.clock.monotonic_ns(),
                "effect": effect,
                "alerts": [asdict(call) for call in seen.values()],
            },
        )

    def _speed(self, window_s: float) -> float | None:
        window = f"{max(2, round(window_s))}s"
        return self._value(f"rate({names.TOKENS}[{window}]) / rate({names.DECODE}[{window}])")

    def _value(self, query: str) -> float | None:
        """What ``query`` is now; None where there is nothing, or nothing divided by nothing."""
        found = self.stack.value(query)
        return found if found is not None and math.isfinite(found) else None

    def _quiet(self) -> bool:
        return self.stack.value('ALERTS{alertstate=~"firing|pending"}') is None and self.answers()

    def _calm(self) -> bool:
        return self._quiet() and (self._speed(self.terms.window_s) or 0.0) >= self.terms.early

    def _until(self, reached: Callable[[], bool], limit_s: float) -> bool:
        ends = self.clock.monotonic_ns() + round(limit_s * 1e9)
        while not reached():
            if self.clock.monotonic_ns() >= ends:
                return False
            self.clock.sleep(POLL_S)
        return True


@contextmanager
def _killed(pid: int) -> Iterator[None]:
    if not kill(pid):
        raise RigTrouble("the server could not be killed", where=f"process {pid}")
    yield
