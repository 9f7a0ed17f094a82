"""Reads the header of a GGUF file: what it says about itself and where each tensor lies.

Every byte is taken for hostile: counts and lengths are checked against the size of the file before anything of that
size is read or kept, large arrays are stepped over, and weights are never read. The layout is GGUF version 2 and 3
(https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models.cursor import Cursor

MAGIC = b"GGUF"
MAX_PAIRS = 1 << 16
MAX_TENSORS = 1 << 17
MAX_ARRAY = 1 << 24  #: elements; the largest vocabularies have 2^18
MAX_KEY_BYTES = 65535
MAX_TEXT_BYTES = 1 << 20  #: a longer string is summarised
MAX_NAME_BYTES = 64  #: GGML_MAX_NAME
MAX_DIMENSIONS = 4  #: GGML_MAX_DIMS
MAX_ALIGNMENT = 1 << 20
KEPT_ELEMENTS = 1024  #: arrays up to this length are kept: one number a layer fits, a vocabulary does not
DEFAULT_ALIGNMENT = 32

_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_U32, _U64 = _SCALARS[4], _SCALARS[10]
_TYPE_IDS = {kind.value for kind in GGMLQuantizationType}


@dataclass(frozen=True)
class Summary:
    """Stands for a metadata value that is too large to keep."""

    kind: str  #: "array" or "text"
    length: int  #: elements or bytes


Scalar = int | float | bool | str
Value = Scalar | tuple[Scalar, ...] | Summary


@dataclass(frozen=True)
class Tensor:
    """One row of the tensor table. ``shape`` is in GGUF order: the contiguous dimension first."""

    name: str
    shape: tuple[int, ...]
    type: str  #: ggml's name: "F16", "Q4_K"
    offset: int  #: of the first byte, from the start of the file
    bytes: int

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Header:
    """What a GGUF file says about itself; its extents are inside the file and do not overlap."""

    path: Path
    version: int
    file_bytes: int
    metadata: dict[str, Value]
    tensors: tuple[Tensor, ...]

    def count(self, key: str) -> int | None:
        """The whole number of at least 1 under ``key``, None where there is none."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None

    def text(self, key: str) -> str | None:
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None


def tensor_bytes(shape: Iterable[int], type_name: str) -> int:
    """Bytes that a tensor of ``shape`` takes in ``type_name``."""
    block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[type_name]]
    return math.prod(shape) // block * block_bytes


def read_header(path: Path) -> Header:
    """Read the header of a GGUF file; raise ModelProblem for anything that is not a whole, sound one."""
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            return _read(Cursor(stream, path, size))
    except OSError as error:
        raise ModelProblem(
            "model file cannot be read",
            where=str(path),
            found=error.strerror or type(error).__name__,
            possible="a readable .gguf file",
        ) from error


def _read(cursor: Cursor) -> Header:
    version = _preamble(cursor)
    tensor_count = _bounded(cursor, MAX_TENSORS, "number of tensors")
    pair_count = _bounded(cursor, MAX_PAIRS, "number of metadata pairs")
    metadata = _metadata(cursor, pair_count)
    alignment = _alignment(cursor, metadata)
    rows = [_tensor(cursor, alignment) for _ in range(tensor_count)]
    data_start = -(-cursor.position // alignment) * alignment
    tensors = tuple(Tensor(t.name, t.shape, t.type, data_start + t.offset, t.bytes) for t in rows)
    _check_extents(cursor, tensors)
    return Header(cursor.path, version, cursor.size, metadata, tensors)


def _preamble(cursor: Cursor) -> int:
    start = cursor.take(min(len(MAGIC), cursor.size), "magic number")
    if start != MAGIC:
        raise cursor.problem(
            found=f"it begins with {start!r}" if start else "it is empty",
            possible=f"a file that begins with {MAGIC!r}",
            what="not a GGUF file",
        )
    raw = cursor.take(_U32.size, "version")
    (version,) = _U32.unpack(raw)
    if version not in (2, 3):
        big_endian = int.from_bytes(raw, "big") in (2, 3)
        raise cursor.problem(
            found="a big-endian file" if big_endian else f"version {version}",
            possible="versions 2 and 3, little-endian: convert or quantise again with a current llama.cpp",
            what="this GGUF version is not supported",
        )
    return int(version)


def _bounded(cursor: Cursor, limit: int, what: str) -> int:
    count = cursor.count(_U64, what)
    if count > limit:
        raise cursor.problem(found=f"{what}: {count}", possible=f"at most {limit}")
    return count


def _text(cursor: Cursor, limit: int, what: str) -> str:
    raw = cursor.take(_bounded(cursor, limit, f"length of {what}"), what)
    text = raw.decode(errors="replace")
    # Names are printed in messages: nothing that a terminal would obey.
    if not text.isprintable() or "\ufffd" in text:
        raise cursor.problem(found=f"{what}: {raw[:40]!r}", possible="printable UTF-8 text")
    return text


def _metadata(cursor: Cursor, count: int) -> dict[str, Value]:
    metadata: dict[str, Value] = {}
    for _ in range(count):
        key = _text(cursor, MAX_KEY_BYTES, "metadata key")
        if key in metadata:
            raise cursor.problem(found=f"key {key!r} twice", possible="each key once")
        metadata[key] = _value(cursor, cursor.count(_U32, f"type of {key}"), key)
    return metadata


def _value(cursor: Cursor, kind: int, key: str) -> Value:
    if kind in _SCALARS:
        return cursor.unpack(_SCALARS[kind], key)
    if kind == _STRING:
        length = cursor.count(_U64, f"length of {key}")
        if length > MAX_TEXT_BYTES:
            cursor.skip(length, key)
            return Summary("text", length)
        # Published templates and licences are not always valid UTF-8; no decision hangs on them.
        return cursor.take(length, key).decode(errors="replace")
    if kind == _ARRAY:
        return _array(cursor, key)
    raise cursor.problem(found=f"{key} of value type {kind}", possible="value types 0 to 12")


def _array(cursor: Cursor, key: str) -> Value:
    kind = cursor.count(_U32, f"element type of {key}")
    length = _bounded(cursor, MAX_ARRAY, f"elements of {key}")
    if kind == _STRING:
        cursor.require(length * _U64.size, key)
        cursor.skip_strings(length, key)
        return Summary("array", length)
    if kind not in _SCALARS:
        raise cursor.problem(
            found=f"{key} is an array of value type {kind}",
            possible="arrays of numbers, truth values or strings",
        )
    layout = _SCALARS[kind]
    if length > KEPT_ELEMENTS:
        cursor.skip(length * layout.size, key)
        return Summary("array", length)
    return tuple(value for (value,) in layout.iter_unpack(cursor.take(length * layout.size, key)))


def _alignment(cursor: Cursor, metadata: dict[str, Value]) -> int:
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or not 1 <= alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
        raise cursor.problem(
            found=f"general.alignment = {alignment!r}",
            possible=f"a power of two up to {MAX_ALIGNMENT}",
        )
    return alignment


def _tensor(cursor: Cursor, alignment: int) -> Tensor:
    name = _text(cursor, MAX_NAME_BYTES, "tensor name")
    dimensions = cursor.count(_U32, f"dimensions of {name}")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise cursor.problem(
            found=f"{name} has {dimensions} dimensions",
            possible=f"1 to {MAX_DIMENSIONS}",
        )
    shape = tuple(cursor.count(_U64, f"shape of {name}") for _ in range(dimensions))
    type_id = cursor.count(_U32, f"type of {name}")
    if type_id not in _TYPE_IDS:
        raise cursor.problem(
            found=f"{name} has type {type_id}",
            possible="a ggml type that the installed gguf package knows",
        )
    kind = GGMLQuantizationType(type_id)
    offset = cursor.count(_U64, f"offset of {name}")
    if min(shape) < 1 or math.prod(shape) >= 1 << 62:
        raise cursor.problem(
            found=f"{name} has shape {list(shape)}",
            possible="each dimension at least 1, fewer than 2^62 elements",
        )
    block = GGML_QUANT_SIZES[kind][0]
    if shape[0] % block:
        raise cursor.problem(
            found=f"{name}: rows of {shape[0]} in type {kind.name}",
            possible=f"rows that are a multiple of {block}",
        )
    if offset % alignment:
        raise cursor.problem(
            found=f"{name} at offset {offset}",
            possible=f"offsets that are a multiple of the alignment {alignment}",
        )
    return Tensor(name, shape, kind.name, offset, tensor_bytes(shape, kind.name))


def _check_extents(cursor: Cursor, tensors: tuple[Tensor, ...]) -> None:
    names: set[str] = set()
    end, before = 0, ""
    for tensor in sorted(tensors, key=lambda t: t.offset):
        if tensor.name in names:
            raise cursor.problem(found=f"{tensor.name} twice", possible="each name once")
        names.add(tensor.name)
        if tensor.offset < end:
            raise cursor.problem(
                found=f"{tensor.name} begins at byte {tensor.offset}, {before} ends at {end}",
                possible="a file written by llama.cpp's converters",
                what="GGUF tensors overlap",
            )
        end, before = tensor.offset + tensor.bytes, tensor.name
        if end > cursor.size:
            raise cursor.problem(
                found=f"{tensor.name} ends at byte {end} of a file of {cursor.size}",
                possible="copy the file again and compare its size and sha256 with the publisher's",
                what="GGUF file is truncated or damaged",
            )
