"""The coordinator of a load from many hosts: it waits for its workers, starts them together and merges exactly.

A worker that is not there, dies or lags is written down with its reason, and the run says how many of its shares are
whole.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Self

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.hosts import share
from pytest_rawrxd.measure.hosts.clocks import Anchor, Offset, moved, read_offset
from pytest_rawrxd.measure.hosts.crew import ANSWER_S, Crew, LoadWorker, trouble
from pytest_rawrxd.measure.hosts.keys import security
from pytest_rawrxd.measure.hosts.place import Place
from pytest_rawrxd.measure.hosts.share import ShareResult
from pytest_rawrxd.measure.hosts.states import IDLE, LATE, WHOLE, WORKER
from pytest_rawrxd.measure.load.arrays import merge
from pytest_rawrxd.measure.load.calibration import Calibration
from pytest_rawrxd.measure.load.plan import LoadPlan, Share
from pytest_rawrxd.measure.load.run import GRACE_S, START_S, LoadResult
from pytest_rawrxd.measure.load.summary import merge_summaries
from pytest_rawrxd.measure.sink import Sink

LEAD_S = 1.0  #: from the clocks' reading to the common start


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
        self._clock, self._grace_s = clock, grace_s
        self._bounds_ns = tuple(bounds_ns)
        self._loads = itertools.count(1)
        with contextlib.ExitStack() as opened:
            self._crew = opened.enter_context(Crew(place.address, security(place.keys, now=now)))
            self.workers = _gathered(self._crew, place)
            self._stack = opened.pop_all()

    def run(self, plan: LoadPlan, *, sink: Sink) -> LoadResult:
        """Run ``plan`` on every worker, each its share, and return what those that are whole received, on our clock.

        What became of each worker goes into ``sink``, with its gaps as it counted them.

        Raises RigTrouble where a worker is missing before the start, or none is whole behind it.
        """
        number = next(self._loads)
        used = self.workers[: plan.parallel]
        plan = replace(plan, processes=len(used))
        self._crew.all(
            {w: partial(share.prepare, plan.to_json(), vars(Share(at, len(used)))) for at, w in enumerate(used)},
            START_S,
            "a load worker is missing before the start",
        )
        offsets = {worker: self._offset(worker) for worker in used}
        start_ns = self._clock() + round(LEAD_S * 1e9)
        go = partial(share.go, grace_s=self._grace_s, bounds_ns=self._bounds_ns)
        answers = self._crew.each(
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
            raise trouble("no load worker came back", answers)
        return LoadResult(
            merge([moved(part.result.arrays, -part.offset.ns) for part in whole if part.result and part.offset]),
            _summary(number, parts, planned=len(used), start_ns=start_ns),
            start_ns,
        )

    def calibrate(self, *, streams: int, rate: float, seconds: float, pattern: str) -> tuple[Calibration, ...]:
        """Calibrate the client of every worker at its share of ``streams``, all at once. Raises RigTrouble."""
        used = self.workers[:streams]
        each = partial(share.calibrated, rate=rate, seconds=seconds, pattern=pattern)
        answers = self._crew.all(
            {w: partial(each, streams=Share(at, len(used)).clients(streams)) for at, w in enumerate(used)},
            START_S + seconds * 3 + ANSWER_S,
            "a load worker was not calibrated",
        )
        return tuple(replace(answer.value, host=answer.worker.name) for answer in answers)

    def present(self) -> dict[str, str]:
        """Address -> name of every worker that is connected now."""
        return self._crew.present()

    def close(self) -> None:
        """End workers and coordinator. Safe to call twice."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _offset(self, worker: LoadWorker) -> Offset:
        def ask() -> Anchor:
            [answer] = self._crew.all({worker: share.anchor}, ANSWER_S, "a load worker does not tell its time")
            told: Anchor = answer.value
            return told

        return read_offset(ask, self._clock)

    def _latecomers(self) -> list[Part]:
        known = {worker.address for worker in self.workers}
        return [
            Part(LoadWorker(name, address), LATE, "it came when the workers were counted already; it has no share")
            for address, name in self.present().items()
            if address not in known
        ]


def _gathered(crew: Crew, place: Place) -> tuple[LoadWorker, ...]:
    """The workers that came, by name, each as it introduced itself. Raises UsageProblem."""
    crew.wait_for(place.workers, place.wait_s)
    present = crew.present()
    if len(present) < place.workers:
        raise UsageProblem(
            "too few load workers came",
            where=place.address,
            found=f"{len(present)} of {place.workers} within {place.wait_s:g} s: "
            + (", ".join(sorted(present.values())) or "none"),
            possible="rawrxd load worker ADDRESS --keys DIR on each host, or a longer #wait=SECONDS",
        )
    in_order = sorted(present.items(), key=lambda item: item[1])[: place.workers]
    named = [LoadWorker(name, address) for address, name in in_order]
    answers = crew.each(dict.fromkeys(named, share.introduce), ANSWER_S)
    if broken := [answer for answer in answers if answer.state != WHOLE]:
        first = broken[0]
        raise UsageProblem("a load worker does not say who it is", where=first.worker.name, found=first.found)
    workers = tuple(replace(answer.worker, host=answer.value) for answer in answers)
    suites = {worker.host["suite"] for worker in workers} | {share.introduce()["suite"]}
    if len(suites) > 1:
        raise UsageProblem(
            "coordinator and workers are of different versions",
            where=place.address,
            found=", ".join(sorted(suites)),
            possible="one version of pytest-rawrxd on every host",
        )
    return workers


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
