"""What a GPU's telemetry leaves as a record: columns of readings, and why others are absent."""

import pytest
from fakes.nvml import UUID, NVMLError, ScriptedNvml

from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.gpu import DEVICE, arrays_of, watched
from pytest_rawrxd.measure.telemetry import Sample
from pytest_rawrxd.rig.telemetry import Telemetry
from pytest_rawrxd.rig.telemetry.nvml import READS, NvmlProbe


def test_samples_become_one_array_a_column():
    samples = [
        Sample(10, 1, 0, {"temperature_c": 40.5, "power_mw": 5}),
        Sample(20, 2, 0, {"temperature_c": 41, "power_mw": 6}),
    ]
    arrays = arrays_of(samples, ("temperature_c", "power_mw"))

    assert {name: (array.tolist(), array.dtype.kind) for name, array in arrays.items()} == {
        "at_ns": ([10, 20], "i"),
        "cost_ns": ([1, 2], "i"),
        "temperature_c": ([40.5, 41.0], "f"),
        "power_mw": ([5, 6], "i"),
    }
    assert [array.size for array in arrays_of([], ("power_mw",)).values()] == [0, 0, 0]


def test_a_column_that_some_samples_lack_has_instants_of_its_own():
    samples = [
        Sample(10, 1, 0, {"power_mw": 5}),
        Sample(20, 2, 0, {"power_mw": None}),
        Sample(30, 1, 0, {"power_mw": 7}),
    ]
    arrays = arrays_of(samples, ("power_mw",))

    assert {name: array.tolist() for name, array in arrays.items()} == {
        "at_ns": [10, 20, 30],
        "cost_ns": [1, 2, 1],
        "power_mw": [5, 7],
        "at_ns.power_mw": [10, 30],
    }


class Kept:
    kind = None

    def record(self, kind, data, arrays=None):
        self.kind, self.data, self.arrays = kind, data, arrays
        return "r1"


def recorded(pids=(7,), **script):
    sink = Kept()
    with (
        Telemetry([NvmlProbe(UUID, ScriptedNvml(**script))]) as telemetry,
        watched(telemetry, pids, SYSTEM, sink, {"variant": "Q4_K"}, beat_s=60),
    ):
        pass
    return sink


def test_the_record_holds_the_readings_with_their_source():
    sink = recorded(processes=(("compute", 7, 500), ("compute", 8, 900)))

    assert sink.kind == "gpu.samples"
    assert sink.data["variant"] == "Q4_K"
    assert (sink.data["source"], sink.data["beat_s"], sink.data["problem"]) == ("NVML", 60, None)
    assert set(sink.data["absent"]) == set(DEVICE) - set(READS) - {"foreign_processes"}
    assert sink.data["process_bytes"] == 500
    assert sink.data["pace"]["samples"] == 1
    assert set(sink.arrays) == {"at_ns", "cost_ns", *READS, "process_memory_bytes", "foreign_processes"}
    assert sink.arrays["temperature_c"].tolist() == [41]
    assert sink.arrays["foreign_processes"].tolist() == [1]


def test_a_gpu_that_is_lost_leaves_no_reading_and_says_so():
    sink = recorded(power=[310_000, NVMLError("GPU is lost")])

    assert sink.data["problem"] == "the GPU no longer answers: GPU is lost"
    assert sink.data["process_bytes"] is None
    assert sink.arrays["at_ns"].size == 1
    assert sink.arrays["temperature_c"].size == 0


def test_nothing_is_recorded_without_telemetry_or_after_a_defect():
    sink = Kept()
    with watched(None, (7,), SYSTEM, sink, {}):
        pass
    with (
        pytest.raises(ValueError, match="a defect of ours"),
        watched(Telemetry([]), (7,), SYSTEM, sink, {}, beat_s=60),
    ):
        raise ValueError("a defect of ours")

    assert sink.kind is None
