"""Sending the requests of a plan: closed loop or absolute schedule, and the event loop's own lag beside them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.measure.load.plan import LoadPlan, Share
from pytest_rawrxd.measure.load.pool import Pool
from pytest_rawrxd.measure.load.schedule import ClosedLoop, OpenLoop
from pytest_rawrxd.rig.server.dialects import DIALECTS
from pytest_rawrxd.rig.server.failure import Failure

LAG_EVERY_S = 0.02
TIMER_NS = 1_000_000  #: what an event loop's timer is off by

Clock = Callable[[], int]


@dataclass
class Driven:
    """What a run left: its requests in the order in which they were begun, and how late the event loop was."""

    exchanges: list[Exchange] = field(default_factory=list)
    lag_ns: list[int] = field(default_factory=list)


async def drive(plan: LoadPlan, share: Share, *, start_ns: int, key: str | None, clock: Clock, done: Driven) -> None:
    """Do this process's ``share`` of ``plan`` from ``start_ns`` on; ``done`` fills as requests begin.

    At the end of the run every request that is still open ends with ``Failure.DEADLINE``.
    """
    async with contextlib.aclosing(Pool(plan, key, clock)) as pool:
        send = _Sender(plan, pool, clock, done)
        watch = asyncio.create_task(_watch_lag(done.lag_ns, clock))
        await _until(start_ns, clock)
        try:
            async with asyncio.timeout(max(0.0, plan.end_s + (start_ns - clock()) / 1e9)):
                if isinstance(plan.pace, ClosedLoop):
                    await _closed(plan, plan.pace, share, start_ns, send)
                else:
                    await _open(plan, plan.pace, share, start_ns, send)
        except TimeoutError:
            _end_open(done.exchanges, plan, clock())
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch


def _end_open(exchanges: list[Exchange], plan: LoadPlan, now: int) -> None:
    """The end of the run is the deadline of requests that had none of their own in it, to the event loop's timer."""
    for kept in exchanges:
        if not kept.ended_ns:
            due = now + TIMER_NS >= kept.intended_ns + round(plan.deadline_s * 1e9)
            kept.broken, kept.ended_ns = Failure.DEADLINE, now
            kept.detail = "the deadline passed" if due else "the run was over"


class _Sender:
    """Begins requests: the body is built before the instant at which it is due."""

    def __init__(self, plan: LoadPlan, pool: Pool, clock: Clock, done: Driven) -> None:
        self.clock = clock
        self._plan, self._pool, self._done = plan, pool, done
        self._dialect = DIALECTS[plan.target.dialect]

    def body(self, number: int) -> bytes:
        """The body of request ``number``."""
        return json.dumps(self._dialect.body(self._plan.ask(number)), ensure_ascii=False).encode()

    async def send(self, number: int, body: bytes, intended_ns: int) -> None:
        """Send one request and wait for its end; one that failed again, as often as the plan allows.

        Only a plan with retries reads an answer while others run: it is no plan for latencies.
        """
        kept = await self._once(number, body, intended_ns)
        for _ in range(self._plan.retries):
            if self._dialect.read(kept.response(), self._plan.ask(number)).failure is Failure.NONE:
                return
            left_ns = intended_ns + round(self._plan.deadline_s * 1e9) - self.clock()
            if left_ns <= self._plan.retry_after_s * 1e9:
                return
            await asyncio.sleep(self._plan.retry_after_s)
            kept = await self._once(number, body, intended_ns)

    async def _once(self, number: int, body: bytes, intended_ns: int) -> Exchange:
        kept = Exchange(number, intended_ns)
        self._done.exchanges.append(kept)
        await self._pool.exchange(body, kept, intended_ns + round(self._plan.deadline_s * 1e9))
        return kept


async def _closed(plan: LoadPlan, pace: ClosedLoop, share: Share, start_ns: int, sender: _Sender) -> None:
    """Each client sends its next request when its last one ended; that instant is the intended one."""
    numbers = iter(share.requests(plan.requests))
    admit_until = None if plan.admit_for_s is None else start_ns + round(plan.admit_for_s * 1e9)

    async def client() -> None:
        free_ns = start_ns
        for number in numbers:
            if admit_until is not None and sender.clock() >= admit_until:
                return
            await sender.send(number, sender.body(number), free_ns)
            free_ns = sender.clock()

    async with asyncio.TaskGroup() as group:
        for _ in range(share.clients(pace.clients)):
            group.create_task(client())


async def _open(plan: LoadPlan, pace: OpenLoop, share: Share, start_ns: int, sender: _Sender) -> None:
    """Every request at its instant, whatever the others do."""
    async with asyncio.TaskGroup() as group:
        for number in share.requests(plan.requests):
            body = sender.body(number)
            intended_ns = start_ns + int(pace.offsets_ns[number])
            await _until(intended_ns, sender.clock)
            group.create_task(sender.send(number, body, intended_ns))


async def _until(instant_ns: int, clock: Clock) -> None:
    while (rest := instant_ns - clock()) > 0:
        await asyncio.sleep(rest / 1e9)


async def _watch_lag(lag_ns: list[int], clock: Clock) -> None:
    """How much later than asked the event loop comes back, every ``LAG_EVERY_S``.

    An idle loop shows 1 to 2 ms: its timers move in whole milliseconds. Received bytes do not wait for timers.
    """
    while True:
        before = clock()
        await asyncio.sleep(LAG_EVERY_S)
        lag_ns.append(max(0, clock() - before - round(LAG_EVERY_S * 1e9)))
