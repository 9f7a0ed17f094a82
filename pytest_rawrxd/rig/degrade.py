"""Making a real process slow, frozen or dead, and letting it go on: what a fault does to a server from outside."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

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


@contextlib.contextmanager
def slowed(pid: int, *, share: float, cycle_s: float) -> Iterator[psutil.Process]:
    """Inside, the process runs for ``share`` of each ``cycle_s``; afterwards all the time again."""
    process, stop = psutil.Process(pid), threading.Event()

    def cycle() -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            while not stop.is_set():
                process.suspend()
                stop.wait(cycle_s * (1 - share))
                process.resume()
                stop.wait(cycle_s * share)

    thread = threading.Thread(target=cycle, daemon=True)
    thread.start()
    try:
        yield process
    finally:
        stop.set()
        thread.join(cycle_s + 5)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


def kill(pid: int, *, wait_s: float = 10.0) -> bool:
    """End the process without asking it; True when it is gone after ``wait_s``."""
    process = psutil.Process(pid)
    process.kill()
    # A child that nobody has waited for yet is dead as well.
    _, alive = psutil.wait_procs([process], wait_s)
    return not alive or all(each.status() == psutil.STATUS_ZOMBIE for each in alive)
