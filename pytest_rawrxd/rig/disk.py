"""Room for the evidence of a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: A phase 1 run with charts leaves about 40 MB; a full disk in the middle would lose evidence.
FREE_BYTES = 512 << 20


def free_bytes(folder: Path, usage: Callable[[Path], Any] = shutil.disk_usage) -> int:
    """Free bytes of the disk that holds ``folder``, or will hold it."""
    there = next(each for each in (folder, *folder.resolve().parents) if each.exists())
    return int(usage(there).free)
