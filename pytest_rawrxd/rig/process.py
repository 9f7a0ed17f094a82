"""Processes as the system shows them: which are known; how one ends, in words, with its whole family; who listens."""

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


def processes(*pids: int | None) -> tuple[int, ...]:
    """The processes that are there, of those whose id may not be known."""
    return tuple(pid for pid in pids if pid)


#: Seen with a llama-server from PyPI that was built on a processor with AMX, on one that has AVX2 alone.
FOREIGN_PROGRAM = ": it was built for a processor with instructions that this one lacks"


def describe_exit(status: int) -> str:
    """An exit status in words: ``signal SIGSEGV``, ``access violation (0xC0000005)``, ``exit status 1``."""
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            return f"signal {-status}"
        return f"signal {name}{FOREIGN_PROGRAM if name == 'SIGILL' else ''}"
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


def listening(host: str, port: int) -> int | None:
    """The process that listens on ``port`` of this machine's address ``host``; None where the system does not tell."""
    try:
        sockets = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return None
    wanted = {host, "0.0.0.0", "::", *(("127.0.0.1", "::1") if host == "localhost" else ())}  # noqa: S104 - compared, not bound
    owners = {
        found.pid
        for found in sockets
        if found.status == psutil.CONN_LISTEN and found.pid and found.laddr
        if found.laddr.port == port and found.laddr.ip in wanted
    }
    return owners.pop() if len(owners) == 1 else None
