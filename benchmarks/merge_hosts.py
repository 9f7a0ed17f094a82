"""What merging the results of many load hosts costs: histograms with exact counters, as workers send them.

    uv run python benchmarks/merge_hosts.py [--hosts N] [--minutes N] [--streams N] [--rate N]

Each synthetic host counts the gaps of its streams over the minutes (by default 1,000 streams at 80 tok/s for 10
minutes, 48 million gaps, whose counts are drawn and not simulated one by one). Printed: bytes a host sends, seconds and
memory to merge all of them. It ends with an error where a count of the sum is not the sum of the counts.
"""

from __future__ import annotations

import argparse
import pickle
import time

import numpy as np
import psutil

from pytest_rawrxd.measure.histogram import Histogram, bin_count, bins_of, edges_ns, merge

BOUNDS_NS = (13_000_000, 50_000_000, 100_000_000, 200_000_000)


def host(seed: int, *, minutes: int, gaps_a_minute: int) -> Histogram:
    """The histogram of one synthetic host: gaps around 12.5 ms with a long tail, counted by bin."""
    random = np.random.default_rng(seed)
    sample = np.concatenate([random.gamma(40.0, 0.3125e6, 40_000), random.gamma(2.0, 2e7, 400)]).astype(np.int64)
    shape = np.bincount(bins_of(sample), minlength=bin_count()) / sample.size
    counts = random.multinomial(gaps_a_minute, shape, size=minutes)
    rows, bins = np.nonzero(counts)
    values = np.concatenate([[edges_ns()[0]], edges_ns()])[: bin_count()]  # a value of each bin: its upper edge
    over = np.stack([(counts * (values > bound)).sum(axis=1) for bound in BOUNDS_NS], axis=1)
    over_ns = np.stack([(counts * values * (values > bound)).sum(axis=1) for bound in BOUNDS_NS], axis=1)
    return Histogram(
        blocks=np.arange(minutes, dtype=np.int64),
        starts=np.searchsorted(rows, np.arange(minutes + 1)).astype(np.int64),
        bins=bins.astype(np.uint16),
        counts=counts[rows, bins].astype(np.uint32),
        totals=counts.sum(axis=1).astype(np.int64),
        total_ns=(counts * values).sum(axis=1).astype(np.int64),
        longest_ns=np.full(minutes, values[bins.max()], np.int64),
        bounds_ns=np.array(BOUNDS_NS, np.int64),
        over=over.astype(np.int64),
        over_ns=over_ns.astype(np.int64),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--streams", type=int, default=1000, help="of each host")
    parser.add_argument("--rate", type=float, default=80.0, help="tokens a second of each stream")
    asked = parser.parse_args()
    a_minute = round(asked.streams * asked.rate * 60)
    parts = [host(seed, minutes=asked.minutes, gaps_a_minute=a_minute) for seed in range(asked.hosts)]
    size = len(pickle.dumps(parts[0], protocol=5))
    before = psutil.Process().memory_info().rss
    began = time.perf_counter()
    whole = merge(*parts)
    took = time.perf_counter() - began
    grew = psutil.Process().memory_info().rss - before
    assert whole.total == asked.hosts * asked.minutes * a_minute
    for column in range(len(BOUNDS_NS)):
        assert whole.over[:, column].sum() == sum(int(part.over[:, column].sum()) for part in parts)
    print(f"{asked.hosts} hosts x {asked.streams} streams x {asked.minutes} min: {whole.total:.3g} gaps")
    print(f"a host sends {size / 1e3:.0f} kB, all of them {size * asked.hosts / 1e6:.0f} MB")
    print(f"merged in {took:.2f} s with {grew / 1e6:.0f} MB more memory")
    print(", ".join(f"P{100 * share:g} {whole.quantile_ns(share) / 1e6:.2f} ms" for share in (0.5, 0.95, 0.99)))


if __name__ == "__main__":
    main()
