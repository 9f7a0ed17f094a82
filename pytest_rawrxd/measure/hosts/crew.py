"""The workers that joined a coordinator: who is there, and what each returned of the task that it was given.

Nothing is tried again: another worker would bring another load.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import dask
from distributed import Client, Future, KilledWorker, Scheduler, Security, SpecCluster, wait

from pytest_rawrxd.errors import RawrxdError, RigTrouble, UsageProblem
from pytest_rawrxd.measure.hosts.states import DIED, FAILED, LAGGED, WHOLE
from pytest_rawrxd.measure.hosts.worker import NOBODY, QUIET

ANSWER_S = 20.0  #: for a question that a worker answers at once
SAID = 500  #: characters of an exception
ABSENT_S = 15  #: without a word of it, a worker counts as lost; Dask looks as often, so that it may take twice as long

CONFIG = {
    **QUIET,
    "distributed.scheduler.allowed-failures": 0,  # a share is never done by another worker
    "distributed.scheduler.worker-ttl": f"{ABSENT_S}s",
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


class Crew:
    """The connections to all workers. Use as a context manager: leaving ends them all."""

    def __init__(self, address: str, keys: Security) -> None:
        """Listen at ``address``. Raises UsageProblem where nobody can."""
        with contextlib.ExitStack() as opened:
            opened.enter_context(dask.config.set(CONFIG))
            cluster = opened.enter_context(_listening(address, keys))
            self._client = opened.enter_context(Client(cluster, security=keys, set_as_default=False))
            self._stack = opened.pop_all()

    def wait_for(self, workers: int, timeout_s: float) -> None:
        """Return when so many are there, or ``timeout_s`` have passed."""
        with contextlib.suppress(TimeoutError):
            self._client.wait_for_workers(workers, timeout=timeout_s)

    def present(self) -> dict[str, str]:
        """Address -> name of every worker that is connected now."""
        found: dict[str, str] = self._client.run_on_scheduler(_names)
        return found

    def all(self, tasks: Mapping[LoadWorker, Callable[[], Any]], timeout_s: float, what: str) -> list[Answer]:
        """What every worker returned. Raises RigTrouble, ``what`` went wrong, where one did not."""
        answers = self.each(tasks, timeout_s)
        if broken := [answer for answer in answers if answer.state != WHOLE]:
            raise trouble(what, broken)
        return answers

    def each(self, tasks: Mapping[LoadWorker, Callable[[], Any]], timeout_s: float) -> list[Answer]:
        """What every worker returned of its task, or what became of it within ``timeout_s``."""
        present = self.present()  # a task of a worker that is gone would wait for its return
        futures = {worker: self._submit(worker, task) for worker, task in tasks.items() if worker.address in present}
        with self._client.as_current(), contextlib.suppress(TimeoutError):
            wait(list(futures.values()), timeout=timeout_s)
        return [
            self._answer(worker, futures[worker], timeout_s) if worker in futures else self._lost(worker)
            for worker in tasks
        ]

    def close(self) -> None:
        """End workers and coordinator. Safe to call twice."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _submit(self, worker: LoadWorker, task: Callable[[], Any]) -> Future[Any]:
        submitted: Future[Any] = self._client.submit(
            task, workers=[worker.address], allow_other_workers=False, retries=0, pure=False
        )
        return submitted

    def _answer(self, worker: LoadWorker, future: Future[Any], timeout_s: float) -> Answer:
        if not future.done():
            future.cancel(force=True)
            return Answer(worker, LAGGED, f"no answer within {timeout_s:.0f} s")
        try:
            return Answer(worker, WHOLE, value=future.result(timeout=ANSWER_S))
        except KilledWorker:
            return self._lost(worker)
        except RawrxdError as problem:
            return Answer(worker, FAILED, " – ".join(filter(None, (problem.what, problem.where, problem.found))))
        except Exception as problem:  # whatever else went wrong there or on the way is what became of this worker
            return Answer(worker, FAILED, f"{type(problem).__name__}: {problem}"[:SAID])

    def _lost(self, worker: LoadWorker) -> Answer:
        """Whether its connection ended, or nothing came over it: a frozen process ends no connection."""
        if worker.address in self._client.run_on_scheduler(_given_up):
            return Answer(worker, LAGGED, f"not a word of it for {ABSENT_S} s: frozen, or cut off")
        return Answer(worker, DIED, "its connection ended, and so did its process or its host")


def trouble(what: str, answers: list[Answer]) -> RigTrouble:
    """What went wrong with the workers of ``answers``, by name."""
    return RigTrouble(
        what,
        where=", ".join(answer.worker.name for answer in answers),
        found="; ".join(f"{answer.worker.name} {answer.state}: {answer.found}" for answer in answers),
        possible="restart it with rawrxd load worker, and measure again in a new run directory",
    )


def _names(dask_scheduler: Any) -> dict[str, str]:
    return {address: str(state.name) for address, state in dask_scheduler.workers.items()}


def _given_up(dask_scheduler: Any) -> set[str]:
    """Addresses of the workers that the scheduler removed because they were silent."""
    events = (event for _, event in dask_scheduler.get_events("scheduler") if isinstance(event, dict))
    silent = (event["workers"] for event in events if event.get("action") == "worker-ttl-timed-out")
    return {address for workers in silent for address in workers}


@contextlib.contextmanager
def _listening(address: str, keys: Security) -> Iterator[SpecCluster]:
    host, _, port = address.removeprefix("tls://").rpartition(":")
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
        raise UsageProblem("nobody can listen here", where=address, found=str(problem)) from problem
    with cluster:
        yield cluster
