# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy>=2.0", "ddsketch==3.0.1", "hdrhistogram==0.10.3", "datasketches==5.2.0"]
# ///
"""Storage of latencies beside its peers in one run: cost of an insert, cost of a merge, error at P95, bytes.

    uv run benchmarks/latency_storage.py

Ratios count, not nanoseconds: all run on one machine in one process, repeated and interleaved, the best of each kept.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasketches import kll_floats_sketch, tdigest_double
from ddsketch import DDSketch
from hdrh.histogram import HdrHistogram

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout; installing it would compile an engine
from pytest_rawrxd.measure.histogram import Histogram, merge, record

ROUNDS = 5
BLOCK = 57_600  # one minute of 12 streams at 80 tokens a second
SINGLE = 20_000  # values given one by one where there is no other way
PARTS, PART_VALUES = 64, 2_000  #: histograms of one block from many processes, merged to one
BOUNDS_NS = (13_000_000, 50_000_000, 100_000_000, 200_000_000, 1_000_000_000)
SOAK_TOKENS, SOAK_BLOCKS = 138_000_000, 2_880


@dataclass(frozen=True)
class Store:
    """One way to keep latencies."""

    name: str
    build: Callable[[np.ndarray], Any]
    merge: Callable[[list[Any]], Any]
    p95_ns: Callable[[Any], float]
    size: Callable[[Any], int | None]
    values: int


def gaps(seed: int, n: int) -> np.ndarray:
    """Return whole ns: a mode at 12.5 ms, a tail, and a second mode behind a gap, where rank sketches go wrong."""
    random = np.random.default_rng(seed)
    steps = random.normal(12.5e6, 0.3e6, n)
    slow = random.random(n) < 0.051
    steps[slow] = random.gamma(9, 9e6, int(slow.sum()))
    return np.maximum(steps, 1_000).astype(np.int64)


def ours(values: np.ndarray) -> Histogram:
    """Build ours, with five exact counters."""
    return record(values, bounds_ns=BOUNDS_NS)


def fed(make: Callable[[], Any], add: str, values: list[Any]) -> Any:
    """Feed values one by one."""
    sketch = make()
    insert = getattr(sketch, add)
    for value in values:
        insert(value)
    return sketch


def updated(make: Callable[[], Any], values: np.ndarray) -> Any:
    """Feed a whole array."""
    sketch = make()
    sketch.update(values)
    return sketch


def joined(parts: list[Any]) -> Any:
    """Merge all others into the first."""
    for part in parts[1:]:
        parts[0].merge(part)
    return parts[0]


def added(parts: list[Any]) -> Any:
    """Merge all others into the first, in the words of hdrhistogram."""
    for part in parts[1:]:
        parts[0].add(part)
    return parts[0]


STORES = (
    Store(
        "ours (numpy)",
        ours,
        lambda parts: merge(*parts),
        lambda kept: kept.quantile_ns(0.95),
        lambda kept: sum(array.nbytes for array in kept.to_arrays().values()),
        BLOCK,
    ),
    Store(
        "ddsketch",
        lambda values: fed(lambda: DDSketch(0.005), "add", values.tolist()),
        joined,
        lambda kept: kept.get_quantile_value(0.95),
        lambda _: None,
        SINGLE,
    ),
    Store(
        "hdrhistogram",
        lambda values: fed(lambda: HdrHistogram(1_000, 3_600_000_000_000, 3), "record_value", values.tolist()),
        added,
        lambda kept: kept.get_value_at_percentile(95),
        lambda kept: len(kept.encode()),
        SINGLE,
    ),
    Store(
        "datasketches kll",
        lambda values: updated(lambda: kll_floats_sketch(200), values.astype(np.float32)),
        joined,
        lambda kept: kept.get_quantile(0.95),
        lambda kept: len(kept.serialize()),
        BLOCK,
    ),
    Store(
        "datasketches tdigest",
        lambda values: updated(lambda: tdigest_double(100), values.astype(np.float64)),
        joined,
        lambda kept: kept.get_quantile(0.95),
        lambda kept: len(kept.serialize()),
        BLOCK,
    ),
)


def seconds(work: Callable[[], Any]) -> float:
    """Return how long ``work`` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Print the table."""
    insert = {store.name: [] for store in STORES}
    merging = {store.name: [] for store in STORES}
    for round_ in range(ROUNDS):
        for store in STORES:
            values = gaps(round_, store.values)
            insert[store.name] += [seconds(lambda s=store, v=values: s.build(v)) / store.values for _ in range(3)]
            parts = [store.build(gaps(round_ * PARTS + part, PART_VALUES)) for part in range(PARTS)]
            merging[store.name].append(seconds(lambda s=store, p=parts: s.merge(p)) / PARTS)
    base, base_merge = min(insert["ours (numpy)"]), min(merging["ours (numpy)"])
    print(f"{'':22}{'ns/insert':>10}{'x ours':>8}{'us/merge':>10}{'x ours':>8}{'P95 error':>11}{'bytes':>8}")
    for store in STORES:
        values = gaps(7, store.values)
        kept = store.build(values)
        error = store.p95_ns(kept) / float(np.quantile(values, 0.95, method="inverted_cdf")) - 1
        size = store.size(kept)
        cost, joining = min(insert[store.name]), min(merging[store.name])
        print(
            f"{store.name:22}{cost * 1e9:10.1f}{cost / base:8.1f}{joining * 1e6:10.1f}{joining / base_merge:8.2f}"
            f"{error:11.2%}{size if size is not None else '-':>8}"
        )
    soak()


def soak() -> None:
    """Print what a 48 h soak costs in ours: the values of one minute, shifted, for each of its blocks."""
    minute = gaps(0, SOAK_TOKENS // SOAK_BLOCKS)
    began = time.perf_counter()
    kept = merge(*(record(minute + block, block=block, bounds_ns=BOUNDS_NS) for block in range(SOAK_BLOCKS)))
    taken = time.perf_counter() - began
    size = sum(array.nbytes for array in kept.to_arrays().values())
    print(f"\n48 h soak: {kept.total:,} values in {kept.blocks.size:,} blocks, {taken:.1f} s, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
