"""An NVIDIA GPU is read through its library; what it does not have is absent with the library's reason."""

from contextlib import closing

import pytest
from fakes.nvml import UUID, NVMLError, ScriptedNvml

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.telemetry.nvml import READS, NvmlProbe


def opened(uuid, nvml):
    return closing(NvmlProbe(uuid, nvml))


def test_every_reading_of_a_gpu_that_has_all_of_them():
    with opened(UUID, ScriptedNvml(temperature=[40, 55])) as probe:
        assert probe.signals == (*READS, "process_memory_bytes", "foreign_processes")
        assert probe.absent == {}
        assert probe.read(()) == {
            "memory_used_bytes": 5 << 30,
            "temperature_c": 55,
            "core_clock_mhz": 1980,
            "memory_clock_mhz": 2619,
            "power_mw": 310_000,
            "utilisation_percent": 97,
            "memory_utilisation_percent": 61,
            "clock_reasons": 0,
            "energy_mj": 1_000_000,
            "process_memory_bytes": None,
            "foreign_processes": None,
        }


def test_a_reading_that_the_gpu_lacks_is_absent_and_not_zero():
    nvml = ScriptedNvml(energy=NVMLError("Not Supported"))

    with opened(UUID, nvml) as probe:
        assert probe.absent == {"energy_mj": "Not Supported"}
        assert "energy_mj" not in probe.signals
        assert "energy_mj" not in probe.read(())


def test_a_binding_without_a_function_lacks_its_reading():
    class Older(ScriptedNvml):
        @property
        def nvmlDeviceGetCurrentClocksEventReasons(self):  # noqa: N802 - NVML's name
            raise AttributeError("module has no attribute of this name")

    with opened(UUID, Older()) as probe:
        assert list(probe.absent) == ["clock_reasons"]


def test_a_gpu_that_stops_answering_is_trouble():
    nvml = ScriptedNvml(power=[310_000, NVMLError("GPU is lost")])

    with opened(UUID, nvml) as probe, pytest.raises(RigTrouble, match="no longer answers") as trouble:
        probe.read(())

    assert trouble.value.found == "GPU is lost"


@pytest.mark.parametrize(
    ("nvml", "uuid", "said"),
    [
        (ScriptedNvml(init=NVMLError("Driver Not Loaded")), UUID, "NVML cannot be used"),
        (ScriptedNvml(), "GPU-other", "does not know this GPU"),
    ],
)
def test_a_probe_that_cannot_be_opened_lets_go_of_the_library(nvml, uuid, said):
    with pytest.raises(RigTrouble, match=said):
        NvmlProbe(uuid, nvml)

    assert nvml.open == 0


def test_leaving_lets_go_of_the_library():
    nvml = ScriptedNvml()
    with opened(UUID, nvml):
        assert nvml.open == 1

    assert nvml.open == 0


@pytest.mark.parametrize(
    ("processes", "size"),
    [
        ((("compute", 7, 500), ("graphics", 7, 480)), 500),
        ((("graphics", 7, 480),), 480),
        ((("compute", 8, 500),), None),
        ((("compute", 7, None),), None),
        ((), None),
    ],
    ids=["in both lists: never the sum", "graphics only", "another process", "not reported", "none"],
)
def test_the_memory_of_a_process_is_the_larger_of_two_lists(processes, size):
    with opened(UUID, ScriptedNvml(processes=processes)) as probe:
        assert probe.read((7,)).get("process_memory_bytes") == size


def test_the_memory_of_several_processes_is_their_sum():
    processes = (("compute", 7, 500), ("graphics", 7, 480), ("compute", 8, 20), ("compute", 9, 1000))

    with opened(UUID, ScriptedNvml(processes=processes)) as probe:
        assert probe.read((7, 8))["process_memory_bytes"] == 520


def test_memory_that_is_all_free_is_not_reported():
    with opened(UUID, ScriptedNvml(memory_used=0)) as probe:
        assert probe.absent == {"memory_used_bytes": "not reported: free equals total"}


@pytest.mark.parametrize(
    ("refused", "absent"),
    [
        (["compute"], {"foreign_processes": "this GPU does not list the processes that compute"}),
        (["graphics"], {}),
        (
            ["compute", "graphics"],
            {"process_memory_bytes": "Not Supported", "foreign_processes": "Not Supported"},
        ),
    ],
)
def test_processes_need_one_of_the_two_lists(refused, absent):
    errors = {f"{name}_processes": NVMLError("Not Supported") for name in refused}

    with opened(UUID, ScriptedNvml(**errors)) as probe:
        assert probe.absent == absent
        assert {"process_memory_bytes", "foreign_processes"} - {*probe.signals} == {*absent}


@pytest.mark.parametrize(
    ("processes", "others"),
    [
        ((("compute", 7, 500),), 0),
        ((("compute", 7, 500), ("compute", 8, 900), ("compute", 9, 10)), 2),
        ((("compute", 7, 500), ("graphics", 7, 480), ("graphics", 8, 90)), 0),
        ((("graphics", 7, 480), ("compute", 8, 90), ("graphics", 8, 90)), 0),
        ((("compute", 8, 500),), None),
        ((), None),
    ],
    ids=["ours", "two that compute", "one draws", "one does both", "ours is not listed", "none is listed"],
)
def test_what_computes_beside_the_engine_is_counted(processes, others):
    with opened(UUID, ScriptedNvml(processes=processes)) as probe:
        assert probe.read((7,))["foreign_processes"] == others


def test_processes_without_sizes_are_no_source_of_memory():
    with opened(UUID, ScriptedNvml(processes=(("graphics", 7, None), ("graphics", 8, None)))) as probe:
        assert probe.absent == {"process_memory_bytes": "processes are listed without their memory"}
