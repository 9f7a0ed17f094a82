"""Raw arrays beside the ledger: every number can be computed again from here."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.archive import Broken, read_arrays, unpacked_bytes
from pytest_rawrxd.evidence.canonical import file_digest

SUFFIX = ".npz"
MAX_ARRAYS = 64
MAX_BYTES = 512 << 20  # uncompressed; a ten minute run of 16 streams at 10,000 tok/s keeps 100 MB
MAX_TOGETHER = 4 << 30  #: uncompressed, all files that the records of a run name
#: Windows opens a device for these, with any suffix.
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
PORTABLE_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@dataclass(frozen=True)
class RawRef:
    """Where arrays lie and what their bytes must be. ``file`` is relative to the run directory."""

    file: str
    sha256: str
    bytes: int


def save_raw(run_dir: Path, session: str, name: str, arrays: dict[str, npt.NDArray[Any]]) -> RawRef:
    """Write ``arrays`` as one compressed ``.npz``; the file must not exist yet."""
    with _new(run_dir, session, f"{name}{SUFFIX}") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy types its flags into the same **kwargs
    return _ref(run_dir, Path(file.name))


def save_bytes(run_dir: Path, session: str, name: str, content: bytes) -> RawRef:
    """Write a file that is evidence as it stands; it must not exist yet."""
    with _new(run_dir, session, name) as file:
        file.write(content)
    return _ref(run_dir, Path(file.name))


def _new(run_dir: Path, session: str, name: str) -> BinaryIO:
    path = run_dir / "raw" / session / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("xb")


def _ref(run_dir: Path, path: Path) -> RawRef:
    return RawRef(file=path.relative_to(run_dir).as_posix(), sha256=file_digest(path), bytes=path.stat().st_size)


def is_portable(part: str) -> bool:
    """Whether ``part`` of a path names a file of that folder on every system: no device, no drive, no way out."""
    sound = set(part) <= PORTABLE_NAME and part.strip(".") and not part.endswith(".")
    return bool(sound) and not DEVICES.fullmatch(part)


def load_raw(run_dir: Path, ref: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Read back what ``save_raw`` wrote, after checking place, size and digest.

    Raises EvidenceProblem naming the file when it is missing, outside ``raw/``, changed or larger than it may be.
    """
    path = checked(run_dir, ref)  # which refuses what is no reference at all
    try:
        return read_arrays(path, members=MAX_ARRAYS, size=MAX_BYTES)
    except Broken as error:
        raise EvidenceProblem("raw evidence cannot be read", where=str(ref["file"]), found=str(error)) from error


def refuse_more_than_fits(run_dir: Path, refs: Iterable[Any]) -> None:
    """Raise EvidenceProblem where the arrays behind ``refs`` say that they hold more than MAX_TOGETHER bytes.

    Nothing is unpacked, and a file that cannot be read is left to whoever needs it.
    """
    size = 0
    for name in {str(ref.get("file", "")) for ref in refs if isinstance(ref, dict)}:
        with contextlib.suppress(*Broken, EvidenceProblem):
            size += unpacked_bytes(_place(run_dir, name)) if name.endswith(SUFFIX) else 0
        if size > MAX_TOGETHER:
            raise EvidenceProblem(
                "the raw arrays of this run hold more than a run can write",
                where=name,
                found=f"{size} bytes",
                possible=f"at most {MAX_TOGETHER} bytes in all arrays together",
            )


def checked(run_dir: Path, ref: Any) -> Path:
    """The file behind ``ref``. Raises EvidenceProblem when it is missing, outside ``raw/`` or changed."""
    name = str(ref.get("file", "")) if isinstance(ref, dict) else repr(ref)
    path = _place(run_dir, name)
    if path.stat().st_size != ref.get("bytes") or file_digest(path) != ref.get("sha256"):
        raise EvidenceProblem("raw evidence was changed after it was recorded", where=name)
    return path


def _place(run_dir: Path, name: str) -> Path:
    parts = name.split("/")
    if parts[0] != "raw" or not all(map(is_portable, parts)):
        raise EvidenceProblem("raw evidence must lie below raw/", found=repr(name))
    path = run_dir.joinpath(*parts)
    if not path.is_file() or not path.resolve().is_relative_to(run_dir.resolve()):
        raise EvidenceProblem("raw evidence is missing", where=name)
    return path
