"""The bandwidth figure is bytes over time, with a working set that no cache holds."""

from itertools import chain, repeat

import pytest

from pytest_rawrxd.measure.bandwidth import read_bandwidth

MS = 1_000_000


def clock(*passes_ms, then_ms):
    """A clock that moves by these at each look: the time that passes took, and all others."""
    now = 0
    for step in chain([0], passes_ms, repeat(then_ms)):
        now += step * MS
        yield now


def measured(*passes_ms, then_ms, threads=2, llc=1 << 20, **limits):
    instants = clock(*passes_ms, then_ms=then_ms)
    return read_bandwidth(threads, llc, lambda: next(instants), **limits)


def test_the_best_pass_counts():
    found = measured(4, 6, 2, then_ms=5, settled=3)

    assert found.working_set == 8 << 20
    assert found.bytes_per_s == pytest.approx((1 << 20) / 0.002)
    assert found.repeats == 3 + 3


def test_a_late_gap_between_other_programs_is_waited_for():
    found = measured(*[40] * 9, 4, then_ms=40, settled=10)

    assert found.bytes_per_s == pytest.approx((1 << 20) / 0.004)
    assert found.repeats == 10 + 10


def test_passes_that_creep_up_do_not_go_on_for_ever():
    assert measured(*range(1000, 1, -5), then_ms=2, settled=50, longest_s=5.0).repeats == 6  # 1000 + 995 + ...


def test_an_unknown_cache_is_taken_as_large():
    assert measured(then_ms=1, threads=1, llc=None, settled=1).working_set == 8 * (64 << 20)
