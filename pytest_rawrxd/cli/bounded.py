"""A run of a stranger decides neither how much memory nor how much time its judging takes.

What is read of a run is counted where it is read (``evidence``): files, bytes, records, values, arrays. What is derived
from it is not, and here is the end of that: a thread looks at the clock and at the memory of this process.
"""

from __future__ import annotations

import _thread
import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from pytest_rawrxd.errors import EvidenceProblem

MINUTES = 30.0  #: judging and rendering a soak of 48 h takes less than one
MEMORY_GIB = 8.0  #: and 0.5 GiB
LOOK_S = 0.2
AGAIN_S = 2.0  #: an interruption inside a callback or a finaliser is lost: it is told again
GRACE_S = 20.0  #: of work that cannot be interrupted, such as one long step of numpy
ENDED = 1


@dataclass(frozen=True)
class Limits:
    """What one run directory may take of this machine."""

    seconds: float = MINUTES * 60
    resident_bytes: float = MEMORY_GIB * 2**30

    def exceeded(self, seconds: float, resident_bytes: float) -> str | None:
        """What is more than may be, in words; None where all is well."""
        if seconds > self.seconds:
            return f"more than {self.seconds / 60:g} minutes"
        if resident_bytes > self.resident_bytes:
            return f"more than {self.resident_bytes / 2**30:g} GiB of memory"
        return None


def add_limits(verb: argparse.ArgumentParser) -> None:
    """The options of a verb that reads a run of a stranger."""
    for name, value, unit in (("--max-minutes", MINUTES, "minutes"), ("--max-memory", MEMORY_GIB, "GiB of memory")):
        text = f"refuse a run that takes more {unit} than this; default: {value:g}"
        verb.add_argument(name, metavar="N", type=_positive, default=value, help=text)


def limits(arguments: argparse.Namespace) -> Limits:
    """What ``add_limits`` was given."""
    return Limits(arguments.max_minutes * 60, arguments.max_memory * 2**30)


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


@contextmanager
def bounded(
    most: Limits,
    *,
    where: str,
    clock: Callable[[], float] = time.monotonic,
    resident: Callable[[], float] = lambda: float(psutil.Process().memory_info().rss),
    interrupt: Callable[[], None] = _thread.interrupt_main,
    end: Callable[[int], None] = os._exit,
    grace_s: float = GRACE_S,
) -> Iterator[None]:
    """Raise EvidenceProblem, about ``where``, once the body takes more than ``most``.

    Runs in the main thread. A body that does not take the interruption within ``grace_s`` ends with the process, which
    has said why. However the body ends after an interruption, even well, it has taken too much: some C code turns one
    into an error of its own, or into nothing.
    """
    done, found = threading.Event(), list[str]()

    def watch() -> None:
        """Look again and again, and once more when the body has ended: however short it was, it was looked at."""
        began = clock()
        ended = False
        while not (ended or found):
            ended = done.wait(LOOK_S)
            if (what := most.exceeded(clock() - began, resident())) is not None:
                found.append(what)
                if not ended:
                    tell(what)

    def tell(what: str) -> None:
        for _ in range(max(1, round(grace_s / AGAIN_S))):
            interrupt()
            if done.wait(min(AGAIN_S, grace_s)):
                return
        print(f"rawrxd: {_problem(where, what)}", file=sys.stderr, flush=True)
        end(ENDED)

    thread = threading.Thread(target=watch, daemon=True, name="bounded")
    thread.start()
    try:
        try:
            yield
        finally:
            done.set()
            thread.join()
    except BaseException:
        done.set()  # again: an interruption may have come before the first
        if not found:
            raise
    if found:
        raise _problem(where, found[0])


def _problem(where: str, what: str) -> EvidenceProblem:
    return EvidenceProblem(
        "reading this run takes more than it may; nothing was decided",
        where=where,
        found=what,
        possible="a run as a session left it; --max-minutes and --max-memory for one that is larger and known",
    )
