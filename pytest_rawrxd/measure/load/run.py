"""A load run from outside: starts the client processes together, waits with a deadline, merges exactly."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.load.arrays import LoadArrays, load, merge
from pytest_rawrxd.measure.load.plan import LoadPlan, Share
from pytest_rawrxd.measure.load.summary import merge_summaries
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.process import describe_exit
from pytest_rawrxd.rig.server.secret import CLIENT_KEY, key_of

START_S = 60.0  #: a client process imports and settles
GRACE_S = 120.0  #: after the end of a plan, for reading what was kept
LEAD_NS = 100_000_000  #: between "all are ready" and the common start
LAST_WORDS_S = 10.0  #: for what a client that is gone has left to read
TAIL = 80

Spawn = Callable[..., "subprocess.Popen[bytes]"]


@dataclass(frozen=True, eq=False)
class LoadResult:
    """What a run returned."""

    arrays: LoadArrays
    summary: dict[str, Any]
    start_ns: int  #: the instant from which offsets count


def run_load(
    plan: LoadPlan,
    *,
    environ: Mapping[str, str],
    spawn: Spawn = subprocess.Popen,
    clock: Callable[[], int] = time.perf_counter_ns,
    grace_s: float = GRACE_S,
    on_start: Callable[[int], None] | None = None,
) -> LoadResult:
    """Run ``plan`` in client processes of its own and return everything they received.

    ``on_start`` hears the instant from which offsets count, just before it comes.

    Raises RigTrouble when a client process ends without a result, or is not back ``grace_s``
    after the end of the plan; reading what was kept takes 9 us an event. The result of some of the clients would be
    the result of another load than the one planned.
    """
    shares = [Share(process, plan.processes) for process in range(plan.processes)]
    with contextlib.closing(Clients(plan, shares, environ=environ, spawn=spawn)) as clients:
        return clients.run(clock() + LEAD_NS, clock=clock, grace_s=grace_s, on_start=on_start)


class Clients:
    """Client processes that do ``shares`` of a plan, ready when this returns; ``close`` ends them."""

    def __init__(
        self, plan: LoadPlan, shares: Sequence[Share], *, environ: Mapping[str, str], spawn: Spawn = subprocess.Popen
    ) -> None:
        """Start them. Raises RigTrouble when one does not get ready."""
        environment = child_environment(environ)
        if (key := key_of(plan.target, environ)) is not None:
            environment[CLIENT_KEY] = key
        self._plan = plan
        with contextlib.ExitStack() as begun:
            folder = begun.enter_context(tempfile.TemporaryDirectory(prefix="rawrxd-load-"))
            self._outputs = [Path(folder, f"{share.process}.npz") for share in shares]
            self._clients = []
            for share, output in zip(shares, self._outputs, strict=True):
                client = begun.enter_context(contextlib.closing(_Client(environment, spawn)))
                client.say({"plan": plan.to_json(), "share": vars(share), "output": str(output)})
                self._clients.append(client)
            for client in self._clients:
                client.hear("ready", START_S)
            self._stack = begun.pop_all()

    def run(
        self,
        start_ns: int,
        *,
        clock: Callable[[], int] = time.perf_counter_ns,
        grace_s: float = GRACE_S,
        on_start: Callable[[int], None] | None = None,
    ) -> LoadResult:
        """Let them begin at ``start_ns`` and return what they received, as ``run_load`` does."""
        for client in self._clients:
            client.say({"start_ns": start_ns})
        if on_start is not None:
            on_start(start_ns)
        ends_ns = start_ns + round((self._plan.end_s + grace_s) * 1e9)
        summaries = [client.hear("summary", (ends_ns - clock()) / 1e9) for client in self._clients]
        return LoadResult(merge([load(output) for output in self._outputs]), merge_summaries(summaries), start_ns)

    def close(self) -> None:
        """End the processes. Safe to call twice."""
        self._stack.close()


class _Client:
    """One client process; ``close`` ends it."""

    def __init__(self, environment: Mapping[str, str], spawn: Spawn) -> None:
        pipe = subprocess.PIPE
        # -P: a module of the working directory is not what measures.
        command = [sys.executable, "-P", "-m", "pytest_rawrxd.measure.load.client"]
        self._child = spawn(command, stdin=pipe, stdout=pipe, stderr=pipe, env=dict(environment))
        self._inbox: queue.Queue[bytes | None] = queue.Queue()
        self._log: deque[str] = deque(maxlen=TAIL)
        self._threads = [
            threading.Thread(target=_receive, args=(self._child.stdout, self._inbox), daemon=True),
            threading.Thread(target=_collect, args=(self._child.stderr, self._log), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def say(self, message: dict[str, Any]) -> None:
        """Send one line; a client that is gone is found by ``hear``."""
        stream = self._child.stdin
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.write(json.dumps(message).encode() + b"\n")
                stream.flush()

    def hear(self, name: str, timeout_s: float) -> Any:
        """The value of the next line, which has to be ``name``."""
        try:
            line = self._inbox.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            raise self._trouble("a load client is late", f"no {name} after {timeout_s:.0f} s") from None
        if line is None:
            status = self._child.wait(10)
            raise self._trouble("a load client ended without a result", describe_exit(status))
        try:
            return json.loads(line)[name]
        except (ValueError, KeyError, TypeError) as problem:
            raise self._trouble("a load client said something else", f"{line[:200]!r} instead of {name}") from problem

    def close(self) -> None:
        """End the process and its pipes."""
        self._child.kill()
        self._child.wait(10)
        for thread in self._threads:
            thread.join(10)
        for stream in (self._child.stdin, self._child.stdout, self._child.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):  # bytes that the dead process never read
                    stream.close()

    def _trouble(self, what: str, found: str) -> RigTrouble:
        """Never EngineCrashed: the instrument is not what is measured."""
        if self._child.poll() is not None:  # its last words may still be in the pipe
            self._threads[-1].join(LAST_WORDS_S)
        return RigTrouble(what, where=f"process {self._child.pid}", found=found, log_tail=tuple(self._log))


def _receive(stream: IO[bytes], inbox: queue.Queue[bytes | None]) -> None:
    for line in stream:
        inbox.put(line)
    inbox.put(None)


def _collect(stream: IO[bytes], log: deque[str]) -> None:
    for line in stream:
        log.append(line.decode("utf-8", "replace").rstrip())
