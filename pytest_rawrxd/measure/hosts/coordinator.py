"""The coordinator of a load from many hosts: it waits for its workers, starts them together and merges exactly.

A worker that is not there, dies or lags is written down with its reason, and the run says how many of its shares are
whole. Nothing is tried again: another worker would bring another load.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Self

import dask
from distributed import Client, Future, KilledWorker, Scheduler, Security, SpecCluster, wait

from pytest_rawrxd.errors import RawrxdError, RigTrouble, UsageProblem
from pytest_rawrxd.measure.hosts import share
from pytest_rawrxd.measure.hosts.clocks import Anchor, Offset, moved, read_offset
from pytest_rawrxd.measure.hosts.keys import security
from pytest_rawrxd.measure.hosts.place import Place
from pytest_rawrxd.measure.hosts.share import ShareResult
from pytest_rawrxd.measure.hosts.states import DIED, FAILED, IDLE, LAGGED, LATE, WHOLE, WORKER
from pytest_rawrxd.measure.hosts.worker import NOBODY, QUIET
from pytest_rawrxd.measure.load.arrays import merge
from pytest_rawrxd.measure.load.calibration import Calibration
from pytest_rawrxd.measure.load.plan import LoadPlan, Share
from pytest_rawrxd.measure.load.run import GRACE_S, START_S, LoadResult
from pytest_rawrxd.measure.load.summary import merge_summaries
from pytest_rawrxd.measure.sink import Sink

LEAD_S = 1.0  #: from the clocks' reading to the common start
ANSWER_S = 20.0  #: for a question that a worker answers at once
SAID = 500  #: characters of an exception
ABSENT_S = "15s"  #: without a word of it, a worker counts as dead

CONFIG = {
    **QUIET,
    "distributed.scheduler.allowed-failures": 0,  # a share is never done by another worker
    "distributed.scheduler.worker-ttl": ABSENT_S,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.idle-timeout": None,
    "distributed.comm.timeouts.connect": f"{ANSWER_S}s",
}


@dataclass(frozen=True)
class LoadWorker:
    """One worker as it introduced itself."""

    name: str
    address: str
    host: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Answer:
    """What one worker returned of one task, or what became of it."""

    worker: LoadWorker
    state: str
    found: str = ""
    value: Any = None


@dataclass(frozen=True)
class Part:
    """What became of one worker in one run."""

    worker: LoadWorker
    state: str
    found: str = ""
    result: ShareResult | None = None
    offset: Offset | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values: everything but the arrays."""
        done, offset = self.result, self.offset
        anchors = [*([offset.anchor] if offset else []), *([done.anchor] if done else [])]
        return {
            "name": self.worker.name,
            "address": self.worker.address,
            "host": self.worker.host,
            "state": self.state,
            "found": self.found,
            "requests": None if done is None else len(done.arrays),
            "offset_ns": None if offset is None else offset.ns,
            "start_uncertainty_ms": None if offset is None else offset.uncertainty_ns / 1e6,
            "late_ms": None if done is None else max(0.0, done.late_ns / 1e6),
            "anchors": [asdict(anchor) for anchor in anchors],
        }


class LoadHosts:
    """A coordinator with its workers. Use as a context manager: leaving ends them all."""

    def __init__(
        self,
        place: Place,
        *,
        bounds_ns: Sequence[int],
        now: datetime,
        clock: Callable[[], int] = time.perf_counter_ns,
        grace_s: float = GRACE_S,
    ) -> None:
        """Listen at ``place`` and wait for its workers. Raises UsageProblem where too few come, or strangers do."""
        self.kernel = share.kernel()  #: of this machine
        self._place, self._clock, self._grace_s = place, clock, grace_s
        self._bounds_ns = tuple(bounds_ns)
        self._loads = itertools.count(1)
        with contextlib.ExitStack() as opened:
            opened.enter_context(dask.config.set(CONFIG))
            keys = security(place.keys, now=now)
            self._cluster = opened.enter_context(_listening(place, keys))
            self._client = opened.enter_context(Client(self._cluster, security=keys, set_as_default=False))
            self.workers = self._gather()
            self._stack = opened.pop_all()

    def run(self, plan: LoadPlan, *, sink: Sink) -> LoadResult:
        """Run ``plan`` on every worker, each its share, and return what those that are whole received, on our clock.

        What became of each worker goes into ``sink``, with its gaps as it counted them.

        Raises RigTrouble where a worker is missing before the start, or none is whole behind it.
        """
        number = next(self._loads)
        used = self.workers[: plan.parallel]
        plan = replace(plan, processes=len(used))
        self._all(
            {w: partial(share.prepare, plan.to_json(), vars(Share(at, len(used)))) for at, w in enumerate(used)},
            START_S,
            "a load worker is missing before the start",
        )
        offsets = {worker: self._offset(worker) for worker in used}
        start_ns = self._clock() + round(LEAD_S * 1e9)
        go = partial(share.go, grace_s=self._grace_s, bounds_ns=self._bounds_ns)
        answers = self._each(
            {worker: partial(go, start_ns + offsets[worker].ns) for worker in used},
            LEAD_S + plan.end_s + self._grace_s + ANSWER_S,
        )
        parts = [Part(a.worker, a.state, a.found, a.value, offsets[a.worker]) for a in answers]
        parts += [Part(worker, IDLE, f"{plan.parallel} streams") for worker in self.workers[len(used) :]]
        parts += self._latecomers()
        for part in parts:
            arrays = part.result.counted.to_arrays() if part.result else None
            sink.record(WORKER, {"load": number, **part.to_dict()}, arrays)
        whole = [part for part in parts if part.result is not None]
        if not whole:
            raise _trouble("no load worker came back", answers)
        return LoadResult(
            merge([moved(part.result.arrays, -part.offset.ns) for part in whole if part.result and part.offset]),
            _summary(number, parts, planned=len(used), start_ns=start_ns),
            start_ns,
        )

    def calibrate(self, *, streams: int, rate: float, seconds: float, pattern: str) -> tuple[Calibration, ...]:
        """Calibrate the client of every worker at its share of ``streams``, all at once. Raises RigTrouble."""
        used = self.workers[:streams]
        each = partial(share.calibrated, rate=rate, seconds=seconds, pattern=pattern)
        answers = self._all(
            {w: partial(each, streams=Share(at, len(used)).clients(streams)) for at, w in enumerate(used)},
            START_S + seconds * 3 + ANSWER_S,
            "a load worker was not calibrated",
        )
        return tuple(replace(answer.value, host=answer.worker.name) for answer in answers)

    def present(self) -> dict[str, str]:
        """Address -> name of every worker that is connected now."""
        found: dict[str, str] = self._client.run_on_scheduler(_names)
        return found

    def close(self) -> None:
        """End workers and coordinator. Safe to call twice."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _all(self, tasks: Mapping[LoadWorker, Callable[[], Any]], timeout_s: float, what: str) -> list[Answer]:
        """What every worker returned. Raises RigTrouble, ``what`` went wrong, where one did not."""
        answers = self._each(tasks, timeout_s)
        if broken := [answer for answer in answers if answer.state != WHOLE]:
            raise _trouble(what, broken)
        return answers

    def _each(self, tasks: Mapping[LoadWorker, Callable[[], Any]], timeout_s: float) -> list[Answer]:
        """What every worker returned of its task, or what became of it within ``timeout_s``."""
        present = self.present()  # a task of a worker that is gone would wait for its return
        futures = {worker: self._submit(worker, task) for worker, task in tasks.items() if worker.address in present}
        with self._client.as_current(), contextlib.suppress(TimeoutError):
            wait(list(futures.values()), timeout=timeout_s)
        return [
            _answer(worker, futures[worker], timeout_s) if worker in futures else Answer(worker, DIED, "it is gone")
            for worker in tasks
        ]

    def _submit(self, worker: LoadWorker, task: Callable[[], Any]) -> Future[Any]:
        submitted: Future[Any] = self._client.submit(
            task, workers=[worker.address], allow_other_workers=False, retries=0, pure=False
        )
        return submitted

    def _offset(self, worker: LoadWorker) -> Offset:
        def ask() -> Anchor:
            [answer] = self._all({worker: share.anchor}, ANSWER_S, "a load worker does not tell its time")
            told: Anchor = answer.value
            return told

        return read_offset(ask, self._clock)

    def _gather(self) -> tuple[LoadWorker, ...]:
        with contextlib.suppress(TimeoutError):
            self._client.wait_for_workers(self._place.workers, timeout=self._place.wait_s)
        present = self.present()
        if len(present) < self._place.workers:
            raise UsageProblem(
                "too few load workers came",
                where=self._place.address,
                found=f"{len(present)} of {self._place.workers} within {self._place.wait_s:g} s: "
                + (", ".join(sorted(present.values())) or "none"),
                possible="rawrxd load worker ADDRESS --keys DIR on each host, or a longer #wait=SECONDS",
            )
        in_order = sorted(present.items(), key=lambda item: item[1])[: self._place.workers]
        named = [LoadWorker(name, address) for address, name in in_order]
        answers = self._each(dict.fromkeys(named, share.introduce), ANSWER_S)
        if broken := [answer for answer in answers if answer.state != WHOLE]:
            first = broken[0]
            raise UsageProblem("a load worker does not say who it is", where=first.worker.name, found=first.found)
        workers = tuple(replace(answer.worker, host=answer.value) for answer in answers)
        suites = {worker.host["suite"] for worker in workers} | {share.introduce()["suite"]}
        if len(suites) > 1:
            raise UsageProblem(
                "coordinator and workers are of different versions",
                where=self._place.address,
                found=", ".join(sorted(suites)),
                possible="one version of pytest-rawrxd on every host",
            )
        return workers

    def _latecomers(self) -> list[Part]:
        known = {worker.address for worker in self.workers}
        return [
            Part(LoadWorker(name, address), LATE, "it came when the workers were counted already; it has no share")
            for address, name in self.present().items()
            if address not in known
        ]


def _names(dask_scheduler: Any) -> dict[str, str]:
    return {address: str(state.name) for address, state in dask_scheduler.workers.items()}


def _answer(worker: LoadWorker, future: Future[Any], timeout_s: float) -> Answer:
    if not future.done():
        future.cancel(force=True)
        return Answer(worker, LAGGED, f"no answer within {timeout_s:.0f} s")
    try:
        return Answer(worker, WHOLE, value=future.result(timeout=ANSWER_S))
    except KilledWorker:
        return Answer(worker, DIED, "its process ended, or its host was not heard of for " + ABSENT_S)
    except RawrxdError as problem:
        return Answer(worker, FAILED, " – ".join(filter(None, (problem.what, problem.where, problem.found))))
    except Exception as problem:  # whatever else went wrong there or on the way is what became of this worker
        return Answer(worker, FAILED, f"{type(problem).__name__}: {problem}"[:SAID])


def _trouble(what: str, answers: Sequence[Answer]) -> RigTrouble:
    return RigTrouble(
        what,
        where=", ".join(answer.worker.name for answer in answers),
        found="; ".join(f"{answer.worker.name} {answer.state}: {answer.found}" for answer in answers),
        possible="restart it with rawrxd load worker, and measure again in a new run directory",
    )


def _summary(number: int, parts: Sequence[Part], *, planned: int, start_ns: int) -> dict[str, Any]:
    """The summaries of all shares together, with the workers that the run was made of."""
    whole = [part for part in parts if part.result is not None]
    summary = merge_summaries([part.result.summary for part in whole if part.result])
    for process, part in zip(summary["processes"], whole, strict=True):
        process |= {"worker": part.worker.name, "kernel": part.worker.host["kernel"]}
    return {
        **summary,
        "hosts": {
            "load": number,
            "start_ns": start_ns,
            "kernel": share.kernel(),
            "planned": planned,
            "answered": len(whole),
            "workers": [part.to_dict() for part in parts],
        },
    }


@contextlib.contextmanager
def _listening(place: Place, keys: Security) -> Iterator[SpecCluster]:
    host, _, port = place.address.removeprefix("tls://").rpartition(":")
    options = {
        "host": host,
        "port": int(port),
        "protocol": "tls",
        "security": keys,
        "dashboard": False,
        "dashboard_address": NOBODY,
    }
    try:
        cluster = SpecCluster({}, {"cls": Scheduler, "options": options}, security=keys, silence_logs=logging.CRITICAL)
    except (OSError, RuntimeError) as problem:
        raise UsageProblem("nobody can listen here", where=place.address, found=str(problem)) from problem
    with cluster:
        yield cluster
