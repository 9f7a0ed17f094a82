"""Foreign CPU use is what the machine did less what we did."""

import os
from types import SimpleNamespace

import pytest

from pytest_rawrxd.measure.contention import SystemCpu, watch


def reader(*, busy, own):
    busy_values, own_values = iter(busy), iter(own)
    return SimpleNamespace(busy_s=lambda: next(busy_values), own_s=lambda _pids: next(own_values))


@pytest.mark.parametrize(
    ("busy", "own", "foreign", "ours"),
    [
        ((100, 110), (5, 15), 0.0, 0.5),
        ((100, 115), (5, 15), 0.25, 0.5),
        ((100, 109), (5, 15), 0.0, 0.5),
        ((100, 120), (5, 5), 1.0, 0.0),
    ],
    ids=["alone", "a quarter is foreign", "a tick below zero", "all foreign"],
)
def test_shares_are_of_all_cores(busy, own, foreign, ours):
    clock = iter([0, 10_000_000_000])

    found = watch(reader(busy=busy, own=own), [1], cores=2, monotonic_ns=lambda: next(clock))()

    assert found.foreign_share == pytest.approx(foreign)
    assert found.own_share == pytest.approx(ours)
    assert found.elapsed_s == pytest.approx(10)


def test_the_system_reader_only_moves_forward():
    cpu = SystemCpu()
    busy, own = cpu.busy_s(), cpu.own_s([os.getpid()])
    sum(range(200_000))

    assert cpu.busy_s() >= busy
    assert cpu.own_s([os.getpid()]) >= own > 0


def test_a_process_that_ended_counts_as_nothing():
    assert SystemCpu().own_s([2**22 + 1]) == 0
