"""The arithmetic of docs/load-from-many-hosts.md: a thousand results merge exactly, and are as small as it says."""

import pickle
import re

import numpy as np

from pytest_rawrxd.measure.histogram import bin_count, edges_ns, merge, record
from pytest_rawrxd.measure.hosts.counted import BLOCK_NS, count_gaps
from pytest_rawrxd.measure.hosts.place import MOST_WORKERS
from pytest_rawrxd.measure.load.arrays import DTYPES
from pytest_rawrxd.places import package_data

PAGE = package_data("fixtures").parent / "docs" / "load-from-many-hosts.md"
HOSTS, REQUESTS, TOKENS = 1000, 2, 60
BOUNDS = (13_000_000, 50_000_000, 100_000_000, 200_000_000)


def test_a_thousand_results_are_the_result_of_one_process_to_the_bit():
    seeded = np.random.default_rng(11)
    gaps = seeded.gamma(4.0, 4e6, (HOSTS, REQUESTS, TOKENS)).astype(np.int64)
    stamps = gaps.cumsum(axis=2) + seeded.integers(0, 3 * BLOCK_NS, (HOSTS, REQUESTS, 1))

    def counted(rows):
        offsets = np.arange(rows.shape[0] + 1) * TOKENS
        return count_gaps(offsets, rows.ravel(), start_ns=0, bounds_ns=BOUNDS)

    results = [counted(rows) for rows in stamps]
    alone = counted(stamps.reshape(-1, TOKENS))

    for order in (results, results[::-1]):
        merged = merge(*order)
        for name, array in alone.to_arrays().items():
            assert np.array_equal(array, merged.to_arrays()[name]), name
    assert alone.total == HOSTS * REQUESTS * (TOKENS - 2)
    assert HOSTS == MOST_WORKERS


def test_the_page_has_the_sizes_that_a_result_has():
    text = PAGE.read_text(encoding="utf-8")
    a_token = DTYPES["stamps_ns"].itemsize + DTYPES["tokens"].itemsize
    every_bin = np.concatenate([edges_ns(), [edges_ns()[-1] + 1]])
    fullest = record(np.repeat(every_bin, 2), bounds_ns=BOUNDS)

    assert int(re.search(r"(\d+) bytes a token", text)[1]) == a_token
    assert fullest.bins.size == bin_count()
    assert len(pickle.dumps(fullest, protocol=5)) < 1000 * int(re.search(r"at most (\d+) kB a minute", text)[1])
