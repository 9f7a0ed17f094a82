"""How a process that the suite started ends: with its whole family, and with a status that a person can read."""

from __future__ import annotations

import contextlib
import signal
import subprocess

import psutil

#: Exit statuses of Windows that are a fault's name.
WINDOWS_FAULTS = {
    0xC0000005: "access violation",
    0xC00000FD: "stack overflow",
    0xC0000374: "heap corruption",
    0xC0000409: "abort (stack buffer overrun)",
    0xC000013A: "Ctrl-C",
}


def describe_exit(status: int) -> str:
    """An exit status in words: ``signal SIGSEGV``, ``access violation (0xC0000005)``, ``exit status 1``."""
    if status < 0:
        try:
            return f"signal {signal.Signals(-status).name}"
        except ValueError:
            return f"signal {-status}"
    if fault := WINDOWS_FAULTS.get(status):
        return f"{fault} (0x{status:08X})"
    return f"exit status {status}"


def end_tree(child: subprocess.Popen[bytes], end_s: float, *, ask: bool = False) -> None:
    """End ``child`` and everything that it started, within about ``end_s``.

    ``ask`` lets it end by itself first, for half of that time. A child that is gone already leaves no trace of what
    it started.
    """
    if child.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(child.pid)
            family = [*process.children(recursive=True), process]
            if ask:
                child.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(end_s / 2)
            for member in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
            psutil.wait_procs(family[:-1], end_s / 2)
    with contextlib.suppress(subprocess.TimeoutExpired):  # a process stuck in its driver dies when the driver lets go
        child.wait(end_s)
