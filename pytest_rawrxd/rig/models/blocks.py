"""Random blocks of the quantised types: a matrix of any size in the time that it takes to copy it.

Quants are random bits, scales are constant, so that every value is finite and values lie around zero. Layouts are
those of ggml (``ggml-common.h`` of the llama.cpp that llama-cpp-python 0.3.36 carries).
"""

from __future__ import annotations

import functools
import math
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Blocks that are made of each type; a prime, so that rows of no length begin at the same block again and again.
POOL = 32749
_K4_SCALES = bytes([0xA0] * 8 + [0] * 4)  # every scale and every minimum of the sub-blocks is 32


@dataclass(frozen=True)
class Layout:
    """One block: its fields in order. ``peak`` is the largest magnitude of a value where ``d`` is 1.

    ``centre`` is the mean quant that ``dmin`` takes away, None for a type that needs no minimum.
    """

    fields: tuple[tuple[str, str, int], ...]
    peak: float
    values: int = 256
    scales: bytes = b""
    centre: float | None = None

    @property
    def dtype(self) -> np.dtype[np.void]:
        return np.dtype([(name, kind, size) if size > 1 else (name, kind) for name, kind, size in self.fields])


LAYOUTS = {
    "Q8_0": Layout((("d", "<f2", 1), ("qs", "u1", 32)), peak=128, values=32),
    "Q6_K": Layout(
        (("ql", "u1", 128), ("qh", "u1", 64), ("scales", "u1", 16), ("d", "<f2", 1)),
        peak=32 * 32,
        scales=bytes([32] * 16),
    ),
    "Q5_K": Layout(
        (("d", "<f2", 1), ("dmin", "<f2", 1), ("scales", "u1", 12), ("qh", "u1", 32), ("qs", "u1", 128)),
        peak=32 * 15.5,
        scales=_K4_SCALES,
        centre=15.5,
    ),
    "Q4_K": Layout(
        (("d", "<f2", 1), ("dmin", "<f2", 1), ("scales", "u1", 12), ("qs", "u1", 128)),
        peak=32 * 7.5,
        scales=_K4_SCALES,
        centre=7.5,
    ),
    "Q3_K": Layout(
        (("hmask", "u1", 32), ("qs", "u1", 64), ("scales", "u1", 12), ("d", "<f2", 1)),
        peak=16 * 4,
        scales=bytes([0] * 8 + [0xFF] * 4),  # 48 in six bits, of which the format takes 32 away
    ),
    "Q2_K": Layout(
        (("scales", "u1", 16), ("qs", "u1", 64), ("d", "<f2", 1), ("dmin", "<f2", 1)),
        peak=8 * 1.5,
        scales=bytes([0x88] * 16),
        centre=1.5,
    ),
}


def random_blocks(kind: str, shape: tuple[int, int], name: str, *, amplitude: float, seed: int) -> npt.NDArray[np.void]:
    """The blocks (rows x row / block,) of one matrix, values within ``amplitude`` of zero.

    ``name`` says where in the random numbers of its type a matrix begins. Rows divide into the type's blocks.
    """
    layout = LAYOUTS[kind]
    pool = np.roll(_pool(kind, seed), -(zlib.crc32(name.encode()) % POOL))
    pool["d"] = amplitude / layout.peak
    if layout.centre is not None:
        pool["dmin"] = layout.centre * amplitude / layout.peak
    return np.resize(pool, math.prod(shape) // layout.values)


@functools.cache
def _pool(kind: str, seed: int) -> npt.NDArray[np.void]:
    """Blocks with random quants. Philox's raw output, not a distribution's, which may change between releases."""
    layout = LAYOUTS[kind]
    size = POOL * layout.dtype.itemsize
    bits = np.random.Philox(key=[seed, zlib.crc32(kind.encode())]).random_raw(-(-size // 8))
    pool = np.frombuffer(bits.astype("<u8", copy=False).tobytes()[:size], dtype=layout.dtype).copy()
    if layout.scales:
        pool["scales"] = np.frombuffer(layout.scales, np.uint8)
    return pool
