"""Readings lie on a grid of beats, cost what they cost, and end with the measurement or with the GPU."""

import pytest
from fakes.nvml import UUID, NVMLError, ScriptedNvml

from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.gpu import GpuSampler, arrays_of, sample
from pytest_rawrxd.rig.gpu.nvml import READS, NvmlProbe

MS = 1_000_000


class Time:
    """A clock in which readings take what they are told to, and a sleeper that wakes on time ``beats`` times."""

    def __init__(self, *, costs_ms, beats):
        self.now, self._costs, self._beats = 0, iter(costs_ms), beats
        self.columns = ("temperature_c",)

    def read(self):
        self.now += next(self._costs) * MS
        return (40,)

    def now_ns(self):
        return self.now

    def stopped_within(self, seconds):
        assert seconds > 0
        self.now += round(seconds * 1e9)
        self._beats -= 1
        return self._beats == 0


def instants_ms(*, costs_ms):
    time, rows = Time(costs_ms=costs_ms, beats=len(costs_ms)), []
    sample(time, time.now_ns, time.stopped_within, rows, beat_s=0.1)
    return [row[0] // MS for row in rows], [row[1] // MS for row in rows]


def test_readings_keep_the_beat_whatever_they_cost():
    assert instants_ms(costs_ms=[3, 0, 99, 5]) == ([0, 100, 200, 300], [3, 0, 99, 5])


def test_a_reading_that_misses_beats_leaves_them_out():
    assert instants_ms(costs_ms=[3, 250, 100, 5]) == ([0, 100, 400, 600], [3, 250, 100, 5])


def test_rows_become_one_array_a_column():
    arrays = arrays_of([(10, 1, 40, 5), (20, 2, 41, 6)], ("temperature_c", "power_mw"))

    assert {name: array.tolist() for name, array in arrays.items()} == {
        "at_ns": [10, 20],
        "cost_ns": [1, 2],
        "temperature_c": [40, 41],
        "power_mw": [5, 6],
    }
    assert [array.size for array in arrays_of([], ("power_mw",)).values()] == [0, 0, 0]


class Kept:
    def record(self, kind, data, arrays=None):
        self.kind, self.data, self.arrays = kind, data, arrays
        return "r1"


def sampled(**script):
    sink = Kept()
    with NvmlProbe(UUID, ScriptedNvml(**script)) as probe:
        with GpuSampler(probe, SYSTEM, beat_s=60) as sampler:
            pass
        sampler.keep(sink, {"variant": "Q4_K"})
    return sink


def test_the_record_holds_the_readings_with_their_source():
    sink = sampled()

    assert sink.kind == "gpu.samples"
    assert sink.data == {"variant": "Q4_K", "source": "NVML", "beat_s": 60, "absent": {}, "problem": None}
    assert set(sink.arrays) == {"at_ns", "cost_ns", *READS}
    assert sink.arrays["temperature_c"].tolist() == [41]


def test_a_gpu_that_is_lost_ends_the_readings_and_nothing_else():
    sink = sampled(power=[310_000, NVMLError("GPU is lost")])

    assert sink.data["problem"] == "the GPU no longer answers: GPU is lost"
    assert sink.arrays["at_ns"].size == 0


def test_leaving_never_waits_for_a_beat():
    with (
        pytest.raises(ValueError, match="a defect of ours"),
        NvmlProbe(UUID, ScriptedNvml()) as probe,
        GpuSampler(probe, SYSTEM, beat_s=3600),
    ):
        raise ValueError("a defect of ours")
