"""A run directory keeps to itself: plain files and folders, as many and as large as a run can write."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pytest_rawrxd.errors import EvidenceProblem

MAX_FILES = 20_000
MAX_DEPTH = 6
MAX_BYTES = 4 << 30  #: apparent size, so that a sparse file of a terabyte is not read either
REPARSE = 0x400  #: Windows' mark of links, junctions and mount points


def refuse_hostile(run_dir: Path) -> None:
    """Raise EvidenceProblem where ``run_dir`` holds what no run writes.

    That is a link or junction, a device, a pipe, a name that would forge a line of a list, or more than MAX_FILES
    files, MAX_DEPTH folders and MAX_BYTES bytes. Nothing is opened and no link is followed: what a link names would be
    read, hashed, published or written to in its place.
    """
    size = 0
    for files, (entry, depth) in enumerate(_entries(run_dir, 1), 1):
        info = entry.stat(follow_symlinks=False)
        where = os.path.relpath(entry.path, run_dir)
        if not entry.name.isprintable() or "\\" in entry.name:
            raise _problem("a name that no run writes", ascii(entry.name))
        if stat.S_ISLNK(info.st_mode) or getattr(info, "st_file_attributes", 0) & REPARSE:
            raise _problem("a link, which could lead out of it", where)
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)):
            raise _problem("a device or a pipe", where)
        size += info.st_size if stat.S_ISREG(info.st_mode) else 0
        if files > MAX_FILES or depth > MAX_DEPTH or size > MAX_BYTES:
            raise _problem(f"more than {MAX_FILES} files, {MAX_DEPTH} folders deep or {MAX_BYTES} bytes", where)


def _entries(folder: Path | str, depth: int) -> Iterator[tuple[os.DirEntry[str], int]]:
    with os.scandir(folder) as found:
        for entry in found:
            yield entry, depth
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path, depth + 1)


def _problem(found: str, where: str) -> EvidenceProblem:
    return EvidenceProblem(
        "a run directory holds what no run writes",
        where=where,
        found=found,
        possible="plain files and folders, as an acceptance session left them",
    )
