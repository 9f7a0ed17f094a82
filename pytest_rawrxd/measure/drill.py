"""The drill of the monitoring: a real server is slowed, frozen and killed, and it is seen who is called, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.monitoring import CONTROL, DRILL
from pytest_rawrxd.measure.probe import names
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.rig.degrade import frozen, kill, slowed
from pytest_rawrxd.rig.monitoring.receiver import Call, Receiver
from pytest_rawrxd.rig.monitoring.stack import Stack

Fault = Literal["none", "degrade", "freeze", "kill"]  #: FAULTS, for a type checker
POLL_S = 0.1
LEAST_SLICE_S = 0.02  #: two tokens of a small model: a slice that held a whole probe request would look healthy
STOPS_S = 5.0  #: threads of a suspended process stop when each is scheduled next: one may still answer at once
LOAD_S = 60.0  #: from the start of the probe to its first gap in Prometheus


@dataclass(frozen=True)
class DrillTerms:
    """How long is looked and waited, in s.

    ``speeds`` are what the server is slowed to, in tok/s, one after the other until somebody is called: first between
    the early warning and the bound, then below it. Each gets ``stage_s``, the last one what is left of the wait.
    """

    clean_s: float
    window_s: float
    quiet_s: float  #: at most, from the end of a fault until no alert fires
    wait_s: dict[str, float]  #: at most, from a fault to its alert
    counts: dict[str, frozenset[str]]  #: the criteria whose alert the fault has to raise
    speeds: tuple[float, ...]
    stage_s: float
    health_deadline_s: float


@dataclass
class Drill:
    """One server under its monitoring. ``answers`` asks for the server's health."""

    terms: DrillTerms
    pid: int
    stack: Stack
    receiver: Receiver
    answers: Callable[[], bool]
    clock: Clock
    sink: Sink
    about: dict[str, Any]

    def run(self, say: Callable[[str], None]) -> None:
        """Control, degradation, freeze, kill; each is recorded when it is over. Raises RigTrouble."""
        say("waiting for the first gap in Prometheus")
        if not self._until(lambda: bool(self.stack.value(f"{names.GAP}_count > 0")), LOAD_S):
            raise RigTrouble("Prometheus sees nothing of the probe", found=f"no gap within {LOAD_S:g} s")
        self._until(self._quiet, self.terms.quiet_s)
        say("control: no alert may fire")
        healthy = self._control()
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

    def _control(self) -> float | None:
        began = self.clock.monotonic_ns()
        wall = self.clock.wall().timestamp()
        self.clock.sleep(self.terms.clean_s)
        speed = self._speed(self.terms.window_s)
        self._record(CONTROL, began, wall, {"tokens_per_second": speed})
        return speed

    def _degrade(self, healthy: float | None) -> None:
        began, wall = self.clock.monotonic_ns(), self.clock.wall().timestamp()
        effect: dict[str, Any] = {"healthy_tokens_per_second": healthy}
        *first, last = self.terms.speeds
        for speed in (*first, last):
            share = min(0.9, speed / healthy) if healthy else 0.5
            cycle_s = min(0.75 * self.terms.health_deadline_s, max(0.1, LEAST_SLICE_S / share))
            with slowed(self.pid, share=share, cycle_s=cycle_s):
                self._wait_for("degrade", began, wall, stage_s=None if speed == last else self.terms.stage_s)
                effect |= {
                    "asked_tokens_per_second": speed,
                    "run_share": share,
                    "cycle_s": cycle_s,
                    "tokens_per_second": self._speed((self.clock.monotonic_ns() - began) / 1e9),
                }
            if self._told("degrade", wall):
                break
        self._record("degrade", began, wall, effect)

    @contextmanager
    def _recorded(self, fault: Fault, cause: Callable[[], AbstractContextManager[Any]]) -> Iterator[dict[str, Any]]:
        """The fault from its beginning until somebody was called or the wait is over, with what shows that it was."""
        effect: dict[str, Any] = {}
        began, wall = self.clock.monotonic_ns(), self.clock.wall().timestamp()
        with cause():
            yield effect
            self._wait_for(fault, began, wall)
        self._record(fault, began, wall, effect)

    def _wait_for(self, fault: Fault, began_ns: int, wall_s: float, *, stage_s: float | None = None) -> None:
        left = self.terms.wait_s[fault] - (self.clock.monotonic_ns() - began_ns) / 1e9
        self._until(lambda: self._told(fault, wall_s), left if stage_s is None else min(left, stage_s))

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
        found = self.stack.value(f"rate({names.TOKENS}[{window}]) / rate({names.DECODE}[{window}])")
        return found if found is not None and found == found else None  # noqa: PLR0124 - NaN: nothing was decoded

    def _quiet(self) -> bool:
        return self.stack.value('ALERTS{alertstate=~"firing|pending"}') is None and self.answers()

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
