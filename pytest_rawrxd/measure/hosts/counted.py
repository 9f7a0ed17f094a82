"""What a worker counts of its own share: every gap between two tokens of a request, in whole numbers that add up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytest_rawrxd.measure.histogram import Histogram, Integers, record

BLOCK_NS = 60_000_000_000


def count_gaps(offsets: Integers, stamps_ns: Integers, *, start_ns: int, bounds_ns: Sequence[int]) -> Histogram:
    """The gaps of k requests, ``offsets`` (k + 1,) into ``stamps_ns``, in blocks of a minute from ``start_ns``.

    A gap belongs to the block in which it ends. The first interval of a request is dropped, as everywhere. Instants are
    of one clock.
    """
    gaps = np.diff(stamps_ns)
    kept = np.ones(gaps.size, np.bool_)
    for border in (offsets[1:-1] - 1, offsets[:-1]):  # between two requests, and the first interval of each
        kept[border[(border >= 0) & (border < gaps.size)]] = False
    ends = stamps_ns[1:][kept]
    return record(gaps[kept], block=np.maximum(ends - start_ns, 0) // BLOCK_NS, bounds_ns=bounds_ns)
