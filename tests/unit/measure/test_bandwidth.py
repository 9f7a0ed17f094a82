"""The bandwidth figure is bytes over time, with a working set that no cache holds."""

import pytest

from pytest_rawrxd.measure.bandwidth import read_bandwidth


def test_the_best_pass_counts():
    instants = iter([0, 4_000_000, 10_000_000, 12_000_000])

    found = read_bandwidth(2, 1 << 20, lambda: next(instants), repeats=2)

    assert found.working_set == 8 << 20
    assert found.bytes_per_s == pytest.approx((8 << 20) / 0.002)


def test_an_unknown_cache_is_taken_as_large():
    instants = iter([0, 1_000_000])

    assert read_bandwidth(1, None, lambda: next(instants), repeats=1).working_set == 8 * (64 << 20)
