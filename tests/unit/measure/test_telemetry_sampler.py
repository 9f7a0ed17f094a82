"""Readings lie on a grid of beats, cost what they cost, and end with the measurement."""

import pytest

from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.telemetry import Pace, Sampler, sample

MS = 1_000_000


class Time:
    """A clock in which readings take what they are told to, and a sleeper that wakes ``late_ms`` after it should."""

    def __init__(self, *, costs_ms, late_ms=0):
        self.now, self._costs, self._beats, self._late = 0, iter(costs_ms), len(costs_ms), late_ms

    def read(self):
        self.now += next(self._costs) * MS
        return {"temperature_c": 40}

    def now_ns(self):
        return self.now

    def stopped_within(self, seconds):
        assert seconds > 0
        self.now += round(seconds * 1e9) + self._late * MS
        self._beats -= 1
        return self._beats == 0


def sampled(*, late_ms=0, costs_ms):
    time, samples, pace = Time(costs_ms=costs_ms, late_ms=late_ms), [], Pace()
    sample(time.read, time.now_ns, time.stopped_within, samples.append, beat_s=0.1, pace=pace)
    return samples, pace


def test_readings_keep_the_beat_whatever_they_cost():
    samples, pace = sampled(costs_ms=[3, 0, 99, 5])

    assert [one.at_ns // MS for one in samples] == [0, 100, 200, 300]
    assert [one.cost_ns // MS for one in samples] == [3, 0, 99, 5]
    assert pace.to_dict() == {
        "samples": 4,
        "missed": 0,
        "cost_mean_ns": 107 * MS // 4,
        "cost_max_ns": 99 * MS,
        "lag_mean_ns": 0,
        "lag_max_ns": 0,
    }


def test_a_reading_that_misses_beats_leaves_them_out_and_counts_them():
    samples, pace = sampled(costs_ms=[3, 250, 100, 5])

    assert [one.at_ns // MS for one in samples] == [0, 100, 400, 600]
    assert pace.missed == 3


def test_a_late_thread_records_its_lag_and_keeps_the_grid():
    samples, pace = sampled(costs_ms=[0, 0, 0], late_ms=7)

    assert [one.at_ns // MS for one in samples] == [0, 107, 207]
    assert [one.lag_ns // MS for one in samples] == [0, 7, 7]
    assert (pace.lag_max_ns, pace.missed) == (7 * MS, 0)


def test_nothing_sampled_has_no_means():
    assert Pace().to_dict()["cost_mean_ns"] is None


def test_a_problem_of_the_reader_is_raised_when_the_sampler_is_left():
    def broken():
        raise OSError("the journal's disk is full")

    with pytest.raises(OSError, match="disk is full"), Sampler(broken, SYSTEM, print, beat_s=60):
        pass


def test_a_problem_of_the_measurement_comes_first():
    def broken():
        raise OSError("the journal's disk is full")

    with pytest.raises(ValueError, match="a defect"), Sampler(broken, SYSTEM, print, beat_s=60):
        raise ValueError("a defect of ours")


def test_leaving_never_waits_for_a_beat():
    samples = []
    with Sampler(lambda: {"temperature_c": 40}, SYSTEM, samples.append, beat_s=3600) as sampler:
        pass

    assert [one.values for one in samples] == [{"temperature_c": 40}]
    assert sampler.pace.samples == 1
