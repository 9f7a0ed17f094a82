"""Making a real process slow, frozen or dead, and letting it go on: what a fault does to a server from outside."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import psutil


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[psutil.Process]:
    """The process stands still inside, and goes on afterwards."""
    process = psutil.Process(pid)
    process.suspend()
    try:
        yield process
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


@dataclass(frozen=True)
class Pace:
    """A process runs for ``share`` of each ``cycle_s``."""

    share: float
    cycle_s: float


class Slowed:
    """A process that is being slowed. A new ``pace`` holds from the next cycle on."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace


@contextlib.contextmanager
def slowed(pid: int, pace: Pace) -> Iterator[Slowed]:
    """Inside, the process runs at ``pace``, or at one that is set later; afterwards all the time again."""
    process, stop, state = psutil.Process(pid), threading.Event(), Slowed(pace)

    def cycle() -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            while not stop.is_set():
                now = state.pace
                process.suspend()
                stop.wait(now.cycle_s * (1 - now.share))
                process.resume()
                stop.wait(now.cycle_s * now.share)

    thread = threading.Thread(target=cycle, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        stop.set()
        thread.join(state.pace.cycle_s + 5)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


def kill(pid: int, *, wait_s: float = 10.0) -> bool:
    """End the process without asking it; True when it is gone after ``wait_s``."""
    process = psutil.Process(pid)
    process.kill()
    # A child that nobody has waited for yet is dead as well.
    _, alive = psutil.wait_procs([process], wait_s)
    return not alive or all(each.status() == psutil.STATUS_ZOMBIE for each in alive)
