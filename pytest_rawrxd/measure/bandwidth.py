"""Read bandwidth of the host's memory: the ceiling that decoding on a CPU cannot pass."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

CACHE_MULTIPLE = 8  # a smaller working set measures the cache
UNKNOWN_CACHE = 64 << 20
REPEATS = 5


@dataclass(frozen=True)
class ReadBandwidth:
    """``bytes_per_s`` is the best of ``repeats`` passes of all threads over ``working_set`` bytes."""

    bytes_per_s: float
    working_set: int
    threads: int
    repeats: int


def read_bandwidth(
    threads: int, llc_bytes: int | None, monotonic_ns: Callable[[], int], *, repeats: int = REPEATS
) -> ReadBandwidth:
    """Measure how fast ``threads`` threads read memory together.

    The working set is eight times the last-level cache (64 MiB assumed where nobody reports it). The best pass
    counts, because everything that disturbs a pass makes it slower. Source: the method of STREAM, reading only.
    """
    words = CACHE_MULTIPLE * (llc_bytes or UNKNOWN_CACHE) // 8 // threads
    parts = [np.ones(words, dtype=np.uint64) for _ in range(threads)]
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(repeats):
            began = monotonic_ns()
            # bitwise_or reads every word, needs no conversion and lets go of the interpreter lock
            list(pool.map(np.bitwise_or.reduce, parts))
            elapsed = (monotonic_ns() - began) / 1e9
            best = max(best, words * 8 * threads / elapsed)
    return ReadBandwidth(bytes_per_s=best, working_set=words * 8 * threads, threads=threads, repeats=repeats)
