"""How a fault campaign is run: the numbers of the profile, and what it needs of its surroundings."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.run import LoadResult
from pytest_rawrxd.measure.load.schedule import OpenLoop, trace
from pytest_rawrxd.measure.prompts import short_texts
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.rig.server.target import HttpTarget

LEAD_S = 0.5  #: from the start of the client to the requests that are in flight at the injection
IN_FLIGHT_S = 0.1  #: from those requests to the injection
NONCE_TOKENS = 10  #: of the client's nonce, which stands before each prompt


@dataclass(frozen=True)
class FaultTerms:
    """The numbers of a campaign; times in seconds."""

    kinds: tuple[str, ...]
    drills: tuple[str, ...]
    injections: int
    requests: int  #: that loss is counted over, all injections together
    streams: int
    tokens: int
    texts: tuple[str, ...]
    prompt_tokens: int
    window_s: float
    retries: int
    retry_after_s: float
    hold_s: float
    deadline_s: float
    ready_s: float  #: a target that is not ready by then stays away
    queue: int
    seed: int

    @property
    def requests_each(self) -> int:
        """Requests of one window: never fewer than are in flight at the injection."""
        return max(self.streams, math.ceil(self.requests / self.injections))


class RunLoad(Protocol):
    """The load client."""

    def __call__(self, plan: LoadPlan, *, on_start: Callable[[int], None]) -> LoadResult:
        """Run ``plan``; ``on_start`` hears its first instant just before it comes."""
        ...


class Memory(Protocol):
    """Reads the memory of a process."""

    def resident_bytes(self, pid: int | None) -> int | None: ...
    def device_bytes(self, pid: int | None) -> dict[str, int | str | None]:
        """Memory of the GPU that the process holds and that all hold, and ``why`` nobody tells."""
        ...


@dataclass(frozen=True)
class Surroundings:
    """Time, records, the load client, and whoever wants to know what happens."""

    sink: Sink
    run_load: RunLoad
    memory: Memory
    about: Mapping[str, Any]  #: what every record says of the target
    show: Callable[[str], None] = field(default=lambda _text: None)
    clock: Callable[[], int] = time.perf_counter_ns
    pause: Callable[[float], None] = time.sleep
    poll_s: float = 0.05

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Whether ``until`` came true within ``seconds``."""
        ends = self.clock() + round(seconds * 1e9)
        while not until():
            if self.clock() >= ends:
                return False
            self.pause(self.poll_s)
        return True

    def wait_for(self, instant_ns: int) -> None:
        """Return at an instant."""
        self.wait(lambda: self.clock() >= instant_ns, max(0.0, (instant_ns - self.clock()) / 1e9 + 1))


def window_plan(terms: FaultTerms, target: HttpTarget, number: int) -> LoadPlan:
    """The load of one window: every stream at one instant just before the injection, then evenly until its end.

    An open loop: what a server that is down would have had to answer is asked for all the same.
    """
    rest = terms.requests_each - terms.streams
    begin = LEAD_S + IN_FLIGHT_S
    later = begin + terms.window_s * np.arange(1, rest + 1) / (rest + 1)
    return _plan(terms, target, trace_from_start([*[LEAD_S] * terms.streams, *later.tolist()]), number)


def flood_plan(terms: FaultTerms, target: HttpTarget) -> LoadPlan:
    """More requests at one instant than there are streams: ``queue`` of them have to wait."""
    return _plan(terms, target, trace_from_start([LEAD_S] * (terms.streams + terms.queue)), -1)


def trace_from_start(seconds: list[float]) -> OpenLoop:
    """A schedule whose first instant is its offset too: ``trace`` counts from the first request."""
    shift = round(seconds[0] * 1e9)
    found = trace(seconds)
    return OpenLoop(found.offsets_ns + shift, found.kind, found.parameters)


def _plan(terms: FaultTerms, target: HttpTarget, pace: OpenLoop, number: int) -> LoadPlan:
    return LoadPlan(
        target,
        pace,
        prompts=short_texts(terms.texts, tokens=max(1, terms.prompt_tokens - NONCE_TOKENS)),
        requests=int(pace.offsets_ns.size),
        max_tokens=terms.tokens,
        seed=terms.seed + 1000 * (number + 2),
        deadline_s=terms.deadline_s,
        silence_s=terms.deadline_s,
        retries=terms.retries if number >= 0 else 0,
        retry_after_s=terms.retry_after_s,
        keep_bytes=True,
    )
