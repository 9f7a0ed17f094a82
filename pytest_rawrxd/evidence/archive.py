"""Arrays out of a zip of a stranger: what a member says about itself is checked before room is made for it."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

SUFFIX = ".npy"
KINDS = "biuf"  #: truth values and numbers: all that a run writes
HEADER_BYTES = 256  #: of an array of at most two dimensions, twice over
FREE_BYTES = 64 << 20  #: what may unpack from anything: as much as the soak's own constant arrays take
BLOCK = 1 << 20  #: most that is read at once, the archive's directory too: zipfile makes an object of each entry there
RATIO = 200  #: above that; measured stamps and tokens pack to a half or a twentieth
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

#: What numpy raises beside ValueError: it evaluates a literal.
LITERAL = (SyntaxError, tokenize.TokenError, TypeError)
#: Everything that a damaged or forged archive makes the standard library and numpy raise.
Broken = (ValueError, OSError, zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError, KeyError)


def read_arrays(path: Path, *, members: int, size: int) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an ``.npz``: at most ``members``, of at most ``size`` bytes together.

    Raises one of ``Broken`` for anything else. A member holds exactly the bytes that its shape and type need, so that
    neither a shape nor a directory entry decides how much memory is taken.
    """
    with _Packed(path) as file, zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if len(entries) > members or sum(entry.file_size for entry in entries) > size:
            raise ValueError(f"larger than a run can write, which is {members} arrays of {size} bytes together")
        if len({entry.filename for entry in entries}) != len(entries):
            raise ValueError("an array stands twice")
        return {entry.filename.removesuffix(SUFFIX): _array(archive, entry) for entry in entries}


def unpacked_bytes(path: Path) -> int:
    """What the members of an ``.npz`` say that they hold together. Raises one of ``Broken`` for no archive."""
    with _Packed(path) as file, zipfile.ZipFile(file) as archive:
        return sum(entry.file_size for entry in archive.infolist())


class _Packed(io.FileIO):
    """A file of which nobody reads more than BLOCK at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > BLOCK:
            raise ValueError(f"its directory of members takes {size} bytes, at most {BLOCK} are read")
        return super().read(-1 if size is None else size) or b""


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> npt.NDArray[Any]:
    if not entry.filename.endswith(SUFFIX) or entry.compress_type not in PACKED or entry.flag_bits & 0x21:
        raise ValueError(f"member {entry.filename[:40]!r} is no array as a run writes it")
    with archive.open(entry) as stream:
        if npy.read_magic(stream) != (1, 0):
            raise ValueError(f"member {entry.filename[:40]!r} has another format of arrays")
        try:
            shape, by_column, kind = npy.read_array_header_1_0(stream, max_header_size=HEADER_BYTES)
        except (
            SyntaxError,
            tokenize.TokenError,
            TypeError,
            RecursionError,
            MemoryError,
        ) as error:  # numpy evaluates a literal
            raise ValueError(f"member {entry.filename[:40]!r}: {type(error).__name__}") from error
        needed = math.prod(shape) * kind.itemsize
        if kind.kind not in KINDS or min(shape, default=0) < 0 or needed != entry.file_size - stream.tell():
            raise ValueError(f"member {entry.filename[:40]!r} holds other bytes than an array {shape} of {kind}")
        unpacked = max(0, entry.file_size - FREE_BYTES)
        if unpacked > RATIO * entry.compress_size:
            raise ValueError(f"member {entry.filename[:40]!r} unpacks to more than {RATIO} times its size")
        data = bytearray()
        while block := stream.read(BLOCK):  # to its end: that is where the check sum is compared
            data += block
        if len(data) != needed:
            raise ValueError(f"member {entry.filename[:40]!r} ends after {len(data)} of {needed} bytes")
    return np.frombuffer(data, kind).reshape(shape, order="F" if by_column else "C")
