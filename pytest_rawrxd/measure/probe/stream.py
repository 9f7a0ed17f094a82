"""One probe request: every gap is counted when its token arrives, not when the request ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping

from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.pool import Pool
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.measure.probe.exposition import Exposition
from pytest_rawrxd.measure.probe.terms import ProbeTerms
from pytest_rawrxd.rig.server.dialects import DIALECTS
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.response import Reply
from pytest_rawrxd.rig.server.secret import key_of
from pytest_rawrxd.rig.server.target import HttpTarget

LOOK_S = 0.1  #: how often what has arrived is read while a request runs
RESPONSE_LIMIT = 1 << 22


async def probe_once(
    target: HttpTarget,
    terms: ProbeTerms,
    number: int,
    shown: Exposition,
    *,
    environ: Mapping[str, str],
    clock: Callable[[], int] = time.perf_counter_ns,
) -> Failure:
    """Send request ``number`` to ``target`` and show what comes back; the failure that ended it, or NONE.

    The request is the load test's own, so that both read a server in the same way.
    """
    plan = LoadPlan(
        target,
        ClosedLoop(1),
        prompts=terms.prompts,
        requests=1,
        max_tokens=terms.tokens,
        seed=terms.seed,
        deadline_s=terms.deadline_s,
        silence_s=terms.deadline_s,
        connect_s=min(10.0, terms.deadline_s),
        response_limit=RESPONSE_LIMIT,
    )
    dialect, ask = DIALECTS[target.dialect], plan.ask(number)
    streams = "itl" not in dialect.not_measurable
    if streams:
        shown.streams()
    key = key_of(target, environ)
    kept = Exchange(number, clock())
    async with contextlib.aclosing(Pool(plan, key, clock)) as pool:
        body = json.dumps(dialect.body(ask), ensure_ascii=False).encode()
        begun = clock()
        running = asyncio.ensure_future(pool.exchange(body, kept, begun + round(terms.deadline_s * 1e9)))
        watch = _Watch(kept, lambda: dialect.read(kept.response(), ask), shown, begun)
        try:
            while not running.done():
                await asyncio.wait({running}, timeout=LOOK_S)
                if streams:
                    watch.look()
            await running
        finally:
            running.cancel()
    failure = dialect.read(kept.response(), ask).failure
    shown.ended((clock() - begun) / 1e9, failure)
    return failure


class _Watch:
    """Shows each chunk of a running request once."""

    def __init__(self, kept: Exchange, read: Callable[[], Reply], shown: Exposition, begun_ns: int) -> None:
        self._kept, self._read, self._shown, self._begun_ns = kept, read, shown, begun_ns
        self._bytes = self._seen = 0

    def look(self) -> None:
        """Show what has arrived since the last look."""
        if len(self._kept.chunks) == self._bytes:
            return
        self._bytes = len(self._kept.chunks)
        reply = self._read()
        stamps = [int(stamp) for stamp in reply.stamps_ns]
        for place in range(self._seen, len(stamps)):
            if place == 0:
                self._shown.first_token((stamps[0] - self._begun_ns) / 1e9)
            else:
                self._shown.gap((stamps[place] - stamps[place - 1]) / 1e9, int(reply.tokens[place]))
        self._seen = len(stamps)
