"""Keeps what was built, under the digest of what it was built from.

An entry is a folder that holds one model file and ``entry.json``. The file is written under a temporary name and
renamed; ``entry.json`` is written after it, so an entry with that file is whole. Two processes that want the same
entry wait for one of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pytest_rawrxd.errors import ModelProblem

VARIABLE = "RAWRXD_CACHE"
LOCK_DEADLINE_S = 1800.0
SPARE_BYTES = 64 << 20  #: left free beside what is written


@dataclass(frozen=True)
class Entry:
    """A whole cache entry: the model file and what its ``entry.json`` says."""

    path: Path
    record: dict[str, Any]


@dataclass(frozen=True)
class Cache:
    """A folder of models that can be built again at any time; deleting it loses nothing but time."""

    root: Path
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free

    def build(
        self,
        name: str,
        inputs: Mapping[str, object],
        *,
        need_bytes: int,
        make: Callable[[Path], Mapping[str, object]],
    ) -> Entry:
        """The file ``name`` built from ``inputs``, from the cache where it is there.

        ``inputs`` are plain JSON values: digests of files, recipe versions, options. ``make`` writes the file to the
        path it is given and returns what is worth remembering about it. Raises ModelProblem when ``need_bytes`` do
        not fit on the disk or another process holds the entry for too long.
        """
        folder = self.root / "models" / _key(name, inputs)
        target = folder / name
        if (entry := _whole(folder, target)) is not None:
            return entry
        _make_folder(folder)
        try:
            with FileLock(folder / "lock", timeout=LOCK_DEADLINE_S):
                if (entry := _whole(folder, target)) is not None:
                    return entry
                for left in folder.glob("*.tmp"):  # of a process that was killed: the lock is ours
                    with contextlib.suppress(OSError):
                        left.unlink()
                self._require_space(folder, need_bytes)
                return self._make(folder, target, inputs, make)
        except Timeout as error:
            raise ModelProblem(
                "another process holds a cached model",
                where=str(folder),
                found=f"its lock was not given up for {LOCK_DEADLINE_S:.0f} s",
                possible=f"end that process, or set {VARIABLE} to another folder",
            ) from error

    def write_text(self, path: Path, text: str) -> None:
        """Replace a small file in one step."""
        _make_folder(path.parent)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        temporary.write_text(text, "utf-8")
        temporary.replace(path)

    def _make(
        self,
        folder: Path,
        target: Path,
        inputs: Mapping[str, object],
        make: Callable[[Path], Mapping[str, object]],
    ) -> Entry:
        temporary = folder / f"{target.stem}.{os.getpid()}.tmp"
        try:
            remembered = make(temporary)
            with temporary.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            record = {
                "name": target.name,
                "bytes": temporary.stat().st_size,
                "sha256": digest,
                "inputs": dict(inputs),
                **remembered,
            }
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        self.write_text(folder / "entry.json", json.dumps(record, indent=1, sort_keys=True))
        return Entry(target, record)

    def _require_space(self, folder: Path, need_bytes: int) -> None:
        free = self.free_bytes(folder)
        if free < need_bytes + SPARE_BYTES:
            raise ModelProblem(
                "not enough disk space to build a model",
                where=str(folder),
                found=f"{free / 1e9:.2f} GB free, {(need_bytes + SPARE_BYTES) / 1e9:.2f} GB needed",
                possible=f"free some space, or set {VARIABLE} to a folder on another disk",
            )


def default_cache(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Cache:
    """The cache of this user: ``RAWRXD_CACHE``, or where the system keeps caches."""
    if chosen := environ.get(VARIABLE):
        return Cache(Path(chosen).expanduser())
    home = Path.home()
    if platform == "win32":
        return Cache(Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "pytest-rawrxd" / "Cache")
    if platform == "darwin":
        return Cache(home / "Library" / "Caches" / "pytest-rawrxd")
    return Cache(Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "pytest-rawrxd")


def _key(name: str, inputs: Mapping[str, object]) -> str:
    canonical = json.dumps([name, inputs], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:24]


def _whole(folder: Path, target: Path) -> Entry | None:
    try:
        record = json.loads((folder / "entry.json").read_text("utf-8"))
        size = target.stat().st_size
    except (OSError, ValueError):
        return None
    return Entry(target, record) if isinstance(record, dict) and record.get("bytes") == size else None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelProblem(
            "cache folder cannot be made",
            where=str(folder),
            found=error.strerror or type(error).__name__,
            possible=f"set {VARIABLE} to a folder that can be written",
        ) from error
