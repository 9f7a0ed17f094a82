"""A service's process: started, listened to, ended with everything that it started."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO

import psutil

from pytest_rawrxd.rig.process import describe_exit

KEPT_LINES = 4000
LOAD_LINES = 2000  #: what a server says first, and what a flood of requests pushes out of the lines that are kept
LAST_WORDS_S = 5.0  #: for what it said and nobody has read yet; what it started may hold the pipe open
_PREFIX = re.compile(r"^[\d.]+ ([IWED]) ")

Spawn = Callable[..., "subprocess.Popen[bytes]"]


class ServiceProcess:
    """One process. ``close`` ends it and its children; so does the end of this object."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        spawn: Spawn = subprocess.Popen,
        end_s: float = 10.0,
    ) -> None:
        self._child = spawn(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
        )
        self.pid = self._child.pid
        self._log: deque[str] = deque(maxlen=KEPT_LINES)
        self._first: list[str] = []
        heard = (self._child.stdout, self._log, self._first)
        self._reader = threading.Thread(target=_collect, args=heard, daemon=True)
        self._reader.start()
        self._finalizer = weakref.finalize(self, _end_tree, self._child, end_s)

    @property
    def log(self) -> tuple[str, ...]:
        """What it said, last ``KEPT_LINES`` lines, oldest first, as ``"E text"``."""
        return tuple(self._log)

    @property
    def load_log(self) -> tuple[str, ...]:
        """What it said first, up to ``LOAD_LINES`` lines: where its weights went is among them."""
        return tuple(self._first)

    def ended(self) -> str | None:
        """How it ended, in words; None while it lives."""
        status = self._child.poll()
        return None if status is None else describe_exit(status)

    def wait(self, seconds: float) -> str | None:
        """How it ended within ``seconds``, in words; None when it lives on."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return describe_exit(self._child.wait(seconds))
        return None

    def close(self) -> None:
        """End it and everything it started. Safe to call twice, and after a crash."""
        self._finalizer()
        self._reader.join(LAST_WORDS_S)
        if self._child.stdout is not None and not self._reader.is_alive():
            self._child.stdout.close()


def _collect(stream: IO[bytes], log: deque[str], first: list[str]) -> None:
    for raw in stream:
        line = raw.decode("utf-8", "replace").rstrip()
        match = _PREFIX.match(line)
        log.append(f"{match[1]} {line[match.end() :].lstrip()}" if match else f"I {line}")
        if len(first) < LOAD_LINES:
            first.append(log[-1])


def _end_tree(child: subprocess.Popen[bytes], end_s: float) -> None:
    """Ask the process to end, then end it and its children."""
    if child.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(child.pid).children(recursive=True)
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(end_s / 2)
            for member in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
            psutil.wait_procs(family, end_s / 2)
        child.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):  # a process stuck in its driver dies when the driver lets go
        child.wait(end_s / 2)
