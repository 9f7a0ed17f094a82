"""What a worker counts of its own share: every gap between two tokens of a request, in whole numbers that add up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytest_rawrxd.measure.histogram import Histogram, Integers, record
from pytest_rawrxd.measure.intervals import token_intervals

BLOCK_NS = 60_000_000_000


def count_gaps(offsets: Integers, stamps_ns: Integers, *, start_ns: int, bounds_ns: Sequence[int]) -> Histogram:
    """The gaps of k requests, ``offsets`` (k + 1,) into ``stamps_ns``, in blocks of a minute from ``start_ns``.

    A gap belongs to the block in which it ends. The first interval of a request is dropped, and tokens of one read
    count with the wait for it, as everywhere. Instants are of one clock.
    """
    found = token_intervals(offsets, stamps_ns)
    kept = found.position > 1
    ends = stamps_ns[kept]
    return record(found.gap_ns[kept], block=np.maximum(ends - start_ns, 0) // BLOCK_NS, bounds_ns=bounds_ns)
