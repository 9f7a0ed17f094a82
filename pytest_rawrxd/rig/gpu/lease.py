"""One load at a time on one device: a lock that lives as long as a model is loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pytest_rawrxd.errors import RigTrouble


@contextmanager
def lease(device: str, locks: Path, *, wait_s: float) -> Iterator[None]:
    """Hold ``device`` (a GPU's UUID, or "cpu") against every other process of this user.

    Raises RigTrouble when another holder does not let go within ``wait_s`` seconds.
    """
    locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(locks / f"device-{hashlib.sha256(device.encode()).hexdigest()[:16]}.lock")
    try:
        lock.acquire(timeout=wait_s)
    except Timeout:
        raise RigTrouble(
            f"device {device} is in use by another run",
            where=lock.lock_file,
            found=f"not free within {wait_s:g} s",
            possible="wait for the other run; two loads on one device measure neither",
        ) from None
    try:
        yield
    finally:
        lock.release()
