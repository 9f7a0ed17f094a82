"""Frames between the suite and an engine process: a JSON header and named raw arrays, over two pipes.

A frame is a fixed prefix (magic, header length, payload length), a JSON object ``{"kind", "body", "arrays"}`` and the
bytes of the arrays one after the other. Nothing is ever evaluated or unpickled: what arrives is data or a problem.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, NoReturn

import numpy as np
import numpy.typing as npt

MAGIC = b"RXW1"
PREFIX = struct.Struct("<4sIQ")
HEADER_LIMIT = 8 << 20
PAYLOAD_LIMIT = 1 << 30
DTYPES = ("|i1", "|u1", "<i4", "<i8", "<f4", "<f8")

Array = npt.NDArray[Any]


class WireError(ValueError):
    """Bytes that are no frame. Stays inside this room: the parent reports the engine process that sent them."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One message: its kind, plain values, and arrays by name."""

    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)


def encode(frame: Frame) -> list[bytes | memoryview]:
    """The frame as pieces to write one after the other. Raises WireError when a reader would refuse it."""
    arrays = {name: np.asarray(array, order="C") for name, array in frame.arrays.items()}
    for name, array in arrays.items():
        if array.dtype.str not in DTYPES:
            raise WireError(f"array {name!r} has dtype {array.dtype.str}; possible: {', '.join(DTYPES)}")
    header = json.dumps(
        {
            "kind": frame.kind,
            "body": frame.body,
            "arrays": [[name, array.dtype.str, array.shape] for name, array in arrays.items()],
        },
        allow_nan=False,
        separators=(",", ":"),
    ).encode()
    size = sum(array.nbytes for array in arrays.values())
    _check_sizes(len(header), size)
    pieces = [array.reshape(-1).view(np.uint8).data for array in arrays.values()]
    return [PREFIX.pack(MAGIC, len(header), size) + header, *pieces]


def write_frame(stream: IO[bytes], frame: Frame) -> None:
    """Write one frame and flush."""
    stream.writelines(encode(frame))
    stream.flush()


def read_frame(stream: IO[bytes]) -> Frame | None:
    """Read one frame; None at the end of the stream between two frames. Raises WireError for anything else."""
    prefix = _read(stream, PREFIX.size, at_boundary=True)
    if not prefix:
        return None
    magic, header_size, payload_size = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise WireError(f"a frame starts with {bytes(magic)!r}, not with {MAGIC!r}")
    _check_sizes(header_size, payload_size)
    kind, body, shapes = _parse_header(_read(stream, header_size))
    if sum(size for _, _, _, size in shapes) != payload_size:
        raise WireError(f"the arrays of frame {kind!r} do not add up to its payload of {payload_size} bytes")
    payload = memoryview(_read(stream, payload_size))
    arrays, start = {}, 0
    for name, dtype, shape, size in shapes:
        arrays[name] = np.frombuffer(payload[start : start + size], dtype).reshape(shape)
        start += size
    return Frame(kind, body, arrays)


def _read(stream: IO[bytes], size: int, *, at_boundary: bool = False) -> bytearray:
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        n = stream.readinto(view[got:])  # type: ignore[attr-defined]  # every binary pipe has it, typing.IO does not say so
        if not n:
            if at_boundary and not got:
                return bytearray()
            raise WireError(f"the stream ended after {got} of {size} bytes of a frame")
        got += n
    return data


def _check_sizes(header: int, payload: int) -> None:
    if header > HEADER_LIMIT or payload > PAYLOAD_LIMIT:
        raise WireError(
            f"a frame of {header} + {payload} bytes is over the limit of {HEADER_LIMIT} + {PAYLOAD_LIMIT} bytes"
        )


def _parse_header(data: bytearray) -> tuple[str, dict[str, Any], list[tuple[str, np.dtype[Any], list[int], int]]]:
    try:
        header = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
        if b"\\u" in data:
            json.dumps(header, ensure_ascii=False).encode()  # half a character could never be written down
    except (ValueError, RecursionError) as problem:
        raise WireError(f"a frame header is not JSON: {problem}") from problem
    match header:
        case {"kind": str(kind), "body": dict(body), "arrays": list(arrays), **rest} if not rest:
            shapes = [_parse_array(entry) for entry in arrays]
        case _:
            raise WireError("a frame header is not {kind, body, arrays}")
    if len({name for name, *_ in shapes}) != len(shapes):
        raise WireError(f"frame {kind!r} names an array twice")
    return kind, body, shapes


def _parse_array(entry: object) -> tuple[str, np.dtype[Any], list[int], int]:
    match entry:
        case [str(name), str(dtype), list(shape)] if (
            dtype in DTYPES and len(shape) <= 2 and all(map(_is_length, shape))
        ):
            kind = np.dtype(dtype)
            return name, kind, shape, kind.itemsize * math.prod(shape)
    raise WireError(f"{entry!r} does not describe an array")


def _is_length(value: object) -> bool:
    return type(value) is int and 0 <= value <= PAYLOAD_LIMIT


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        _refuse_constant(text[:40])
    return number


def _refuse_constant(text: str) -> NoReturn:
    raise WireError(f"a frame header holds {text}, which is no JSON number")
