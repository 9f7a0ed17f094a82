"""The sha256 of a file, remembered by path, size and time of change."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models.cache import Cache


def sha256_of(path: Path, cache: Cache) -> str:
    """Hex digest of the file's bytes; raise ModelProblem when it cannot be read or changes meanwhile."""
    path = path.resolve()
    note = cache.root / "digests" / f"{hashlib.sha256(str(path).encode()).hexdigest()}.json"
    before = _stamp(path)
    known = _remembered(note)
    if known.get("stamp") == before and isinstance(known.get("sha256"), str):
        return str(known["sha256"])
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if _stamp(path) != before:
        raise ModelProblem(
            "model file changed while it was read",
            where=str(path),
            found="another size or time of change after computing its sha256",
            possible="wait until whatever writes the file has finished",
        )
    cache.write_text(note, json.dumps({"stamp": before, "sha256": digest}))
    return digest


def _stamp(path: Path) -> list[object]:
    try:
        status = path.stat()
    except OSError as error:
        raise ModelProblem(
            "model file cannot be read",
            where=str(path),
            found=error.strerror or type(error).__name__,
            possible="a readable .gguf file",
        ) from error
    return [str(path), status.st_size, status.st_mtime_ns]


def _remembered(note: Path) -> dict[str, object]:
    try:
        known = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
