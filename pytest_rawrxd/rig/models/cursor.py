"""Reads a file forwards in small windows; every length is checked before a byte of it is read."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from pytest_rawrxd.errors import ModelProblem

WINDOW_BYTES = 1 << 20
KEPT_BYTES = 64 << 20  #: what one header may make us hold; vocabularies are skipped and do not count
_LENGTH = struct.Struct("<Q")


class Cursor:
    """A position in a GGUF file that cannot be moved outside it."""

    def __init__(self, stream: BinaryIO, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self._stream = stream
        self._window = b""
        self._window_start = 0
        self._at = 0
        self._kept = 0

    @property
    def position(self) -> int:
        return self._window_start + self._at

    def problem(self, found: str, possible: str, *, what: str = "GGUF header cannot be believed") -> ModelProblem:
        """What to raise about this file, with the byte where it was found."""
        return ModelProblem(what, where=f"{self.path}, byte {self.position}", found=found, possible=possible)

    def require(self, count: int, what: str) -> None:
        """Raise ModelProblem unless ``count`` bytes follow in the file."""
        left = self.size - self.position
        if count > left:
            raise self.problem(
                f"{what} needs {count} bytes, {left} are left of {self.size}",
                "copy the file again and compare its size and sha256 with the publisher's",
                what="GGUF file is truncated or damaged",
            )

    def take(self, count: int, what: str) -> bytes:
        self.require(count, what)
        self._kept += count
        if self._kept > KEPT_BYTES:
            raise self.problem(
                f"more than {KEPT_BYTES} bytes of names and values", "a file written by llama.cpp's converters"
            )
        self._fill(count)
        start = self._at
        self._at += count
        return self._window[start : self._at]

    def unpack(self, layout: struct.Struct, what: str) -> int | float | bool:
        value: int | float | bool
        (value,) = layout.unpack(self.take(layout.size, what))
        return value

    def count(self, layout: struct.Struct, what: str) -> int:
        return int(self.unpack(layout, what))

    def skip(self, count: int, what: str) -> None:
        self.require(count, what)
        target = self._at + count
        if target <= len(self._window):
            self._at = target
        else:
            self._jump(self._window_start + target)

    def skip_strings(self, count: int, what: str) -> None:
        """Step over ``count`` strings, each a length and its bytes, without keeping them."""
        for _ in range(count):
            if len(self._window) - self._at < _LENGTH.size:
                self.require(_LENGTH.size, what)
                self._fill(_LENGTH.size)
            (length,) = _LENGTH.unpack_from(self._window, self._at)
            self._at += _LENGTH.size
            if self._at + length <= len(self._window):
                self._at += length
            else:
                self.skip(length, what)

    def _fill(self, count: int) -> None:
        if len(self._window) - self._at >= count:
            return
        self._jump(self.position)
        self._window = self._stream.read(max(count, WINDOW_BYTES))
        if len(self._window) < count:
            raise self.problem(
                f"{len(self._window)} bytes where {count} were a moment ago",
                "wait until whatever writes the file has finished",
                what="file shrank while it was read",
            )

    def _jump(self, position: int) -> None:
        self._stream.seek(position)
        self._window, self._window_start, self._at = b"", position, 0
