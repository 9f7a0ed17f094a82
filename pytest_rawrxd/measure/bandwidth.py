"""Read bandwidth of the host's memory: the ceiling that decoding on a CPU cannot pass."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

AGAIN = "read_bandwidth"  #: the kind of a record: as the machine reads after its cells were decoded
CACHE_MULTIPLE = 8  #: a smaller working set measures the cache
UNKNOWN_CACHE = 64 << 20
SETTLED = 100  #: passes without a better one: twice the working set over again, and more
LONGEST_S = 5.0
GAIN = 1.01  #: a pass that is better by less settles nothing anew


@dataclass(frozen=True)
class ReadBandwidth:
    """``bytes_per_s`` is the best of ``repeats`` passes of all threads, each an eighth of ``working_set`` bytes."""

    bytes_per_s: float
    working_set: int
    threads: int
    repeats: int


def read_bandwidth(
    threads: int,
    llc_bytes: int | None,
    monotonic_ns: Callable[[], int],
    *,
    settled: int = SETTLED,
    longest_s: float = LONGEST_S,
) -> ReadBandwidth:
    """Measure how fast ``threads`` threads read memory together.

    The working set is eight times the last-level cache (64 MiB assumed where nobody reports it), read in turn by
    passes of one cache, so that each finds nothing of itself left there. The best pass counts, because everything
    that disturbs a pass makes it slower: passes of two milliseconds find gaps between other programs, and they end
    when ``settled`` of them brought nothing, or after ``longest_s``. Source: the method of STREAM, reading only.
    """
    words = (llc_bytes or UNKNOWN_CACHE) // 8 // threads
    parts = [np.ones((CACHE_MULTIPLE, words), dtype=np.uint64) for _ in range(threads)]
    best, repeats, better_at = 0.0, 0, 0
    began = now = monotonic_ns()
    with ThreadPoolExecutor(threads) as pool:
        while repeats - better_at < settled and (now - began) / 1e9 < longest_s:
            turn = repeats % CACHE_MULTIPLE
            # bitwise_or reads every word, needs no conversion and lets go of the interpreter lock
            list(pool.map(np.bitwise_or.reduce, [part[turn] for part in parts]))
            before, now = now, monotonic_ns()
            repeats += 1
            reached = words * 8 * threads / ((now - before) / 1e9)
            if reached > best * GAIN:
                better_at = repeats
            best = max(best, reached)
    return ReadBandwidth(best, CACHE_MULTIPLE * words * 8 * threads, threads, repeats)
