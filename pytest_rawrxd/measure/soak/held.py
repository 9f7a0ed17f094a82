"""An engine that is held with its model loaded and answers bursts: in process, or a server over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pytest_rawrxd.errors import EngineCrashed
from pytest_rawrxd.measure.canary.in_process import EngineChoir
from pytest_rawrxd.measure.canary.served import ServerChoir
from pytest_rawrxd.measure.canary.song import Choir
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.measure.prompts import short_texts, unique_prompts
from pytest_rawrxd.measure.served_run import NONCE_TOKENS, Client, reasons_of, served_arrays
from pytest_rawrxd.measure.soak.latencies import Answers
from pytest_rawrxd.measure.soak.plan import SoakTerms
from pytest_rawrxd.rig.engine.protocol import Engine, ProgressListener, Request
from pytest_rawrxd.rig.engine.reasons import LENGTH
from pytest_rawrxd.rig.engine.work import offsets_of
from pytest_rawrxd.rig.process import processes
from pytest_rawrxd.rig.server.dialects import DIALECTS
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.served import Served

#: How requests end when nobody serves: of a server whose process is not seen, all of a burst at once are its end.
GONE = (Failure.UNREACHABLE, Failure.DISCONNECTED)


class Held(Protocol):
    """A ready engine."""

    @property
    def pids(self) -> tuple[int, ...]:
        """Its processes; none of an engine that has none here."""
        ...

    @property
    def load(self) -> Mapping[str, Any]:
        """Its load report, as plain values."""
        ...

    @property
    def log(self) -> tuple[str, ...]: ...

    def burst(self, requests: int, number: int) -> Answers:
        """Answer ``requests`` at once, at most as many at a time as there are streams; RigTrouble when it dies."""
        ...

    def choir(self) -> Choir:
        """Who answers its canaries."""
        ...


#: Starts an engine that is ready when the context is entered; calls back a few times a second while it works.
OpenHeld = Callable[[Callable[[], None]], AbstractContextManager[Held]]


@dataclass
class InProcess:
    """The engine in its child process, asked over the pipe."""

    engine: Engine
    terms: SoakTerms
    load: Mapping[str, Any]
    texts: list[list[int]]

    @property
    def pids(self) -> tuple[int, ...]:
        return processes(self.engine.pid)

    @property
    def log(self) -> tuple[str, ...]:
        return self.engine.log

    def burst(self, requests: int, number: int) -> Answers:
        terms = self.terms
        prompts = unique_prompts(self.texts, count=requests, length=terms.prompt_tokens, seed=(terms.seed, 48, number))
        asked = [Request(prompt, terms.tokens, timeout_s=terms.request_deadline_s) for prompt in prompts]
        got = self.engine.generate(asked, deadline_s=terms.burst_deadline_s(requests))
        return Answers(
            np.array([each.submitted_ns for each in got], np.int64),
            np.array([int(g.stamps_ns[-1]) if g.stamps_ns.size else g.submitted_ns for g in got], np.int64),
            offsets_of([g.stamps_ns.size for g in got]),
            np.concatenate([np.empty(0, np.int64), *(g.stamps_ns for g in got)]),
            np.array([g.finish_reason == LENGTH and g.stamps_ns.size == terms.tokens for g in got], np.bool_),
            Counter(g.finish_reason for g in got),
        )

    def choir(self) -> Choir:
        return EngineChoir(self.engine, self.terms.request_deadline_s)


@dataclass
class OverHttp:
    """A server, asked by the load client, which is a process of its own."""

    server: Served
    terms: SoakTerms
    client: Client
    key: str | None = None  #: what the target's key_env names

    @property
    def pids(self) -> tuple[int, ...]:
        return processes(self.server.pid, *self.server.more_pids)

    @property
    def load(self) -> Mapping[str, Any]:
        return self.server.load

    @property
    def log(self) -> tuple[str, ...]:
        return self.server.log

    def burst(self, requests: int, number: int) -> Answers:
        terms = self.terms
        plan = LoadPlan(
            self.server.target,
            ClosedLoop(min(terms.streams, requests)),
            prompts=short_texts(terms.texts, tokens=max(1, terms.prompt_tokens - NONCE_TOKENS)),
            requests=requests,
            max_tokens=terms.tokens,
            seed=int(np.random.default_rng((terms.seed, 48, number)).integers(2**31)),
            deadline_s=terms.request_deadline_s,
            silence_s=terms.request_deadline_s,
        )
        found = self.client.run(plan).arrays
        self.server.check()
        if len(found) and np.isin(found.failure, GONE).all():
            raise EngineCrashed(
                "the server does not answer any more",
                where=self.server.target.base_url,
                found=f"each of {len(found)} requests: {Failure(int(found.failure[0])).sentence}",
            )
        arrays, (names, finish) = served_arrays(found), reasons_of(found)
        reasons = [names[index] for index in finish.tolist()]
        whole = (np.diff(arrays["offsets"]) == terms.tokens) & (np.array(reasons) == LENGTH)
        if "tokens" in DIALECTS[self.server.target.dialect].not_measurable:
            whole = found.failure == Failure.NONE
        return Answers(
            arrays["submitted_ns"],
            arrays["ended_ns"],
            arrays["offsets"],
            arrays["stamps_ns"],
            whole,
            Counter(reasons),
        )

    def choir(self) -> Choir:
        return ServerChoir(self.server.target, self.terms.request_deadline_s, self.key)


@contextmanager
def held_in_process(
    start: Callable[[ProgressListener], Engine], model: Path, terms: SoakTerms, tick: Callable[[], None]
) -> Iterator[Held]:
    """An engine that ``start`` opens, with ``model`` loaded and warm."""
    with start(lambda _: tick()) as engine:
        loaded = engine.load(model, terms.options, deadline_s=terms.load_deadline_s)
        texts = [engine.tokenize(text) for text in terms.texts]
        yield InProcess(engine, terms, asdict(loaded), texts)


@contextmanager
def held_server(
    start: Callable[[], AbstractContextManager[Served]],
    terms: SoakTerms,
    client: Client,
    _tick: Callable[[], None],
    *,
    key: str | None = None,
) -> Iterator[Held]:
    """A server that ``start`` opens; its first burst is a warm-up that nobody counts."""
    with start() as server:
        held = OverHttp(server, terms, client, key)
        held.burst(2 * terms.streams, 0)
        yield held
