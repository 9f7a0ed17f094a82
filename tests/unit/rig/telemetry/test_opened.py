"""One schema over every source: each signal from the first that has it, or the reason why it is not available."""

from dataclasses import replace

import pytest
from fakes.amdgpu import UUID, card
from fakes.nvml import UUID as NVIDIA
from fakes.nvml import NVMLError, ScriptedNvml

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.gpu.detect import AMDGPU, NVML, WINDOWS_REGISTRY, Gpu
from pytest_rawrxd.rig.telemetry import SIGNALS, Telemetry, open_probes
from pytest_rawrxd.rig.telemetry.access import this_machine
from pytest_rawrxd.rig.telemetry.nvml import NvmlProbe
from pytest_rawrxd.rig.telemetry.opened import stillness
from pytest_rawrxd.rig.telemetry.sources import Source, sources


class Script:
    """A source with fixed values."""

    def __init__(self, source, absent=None, **values):
        self.source, self.values, self.absent, self.asked = source, values, absent or {}, 0
        self.signals, self.open = tuple(values), True

    def read(self, pids):
        self.asked += 1
        if isinstance(self.values, Exception):
            raise self.values
        return self.values

    def close(self):
        self.open = False


def gpu(source, uuid="x"):
    return Gpu("a card", uuid, 16 << 30, None, source)


def reading(telemetry, name):
    return next(reading for reading in telemetry.readings if reading.signal.name == name)


def test_a_signal_comes_from_the_first_source_that_has_it():
    first, second = Script("A", {"hotspot_c": "no sensor"}, temperature_c=40), Script("B", temperature_c=99, power_mw=5)
    telemetry = Telemetry([first, second])

    values = telemetry.read()

    assert set(values) == set(SIGNALS)
    assert (values["temperature_c"], values["power_mw"], values["hotspot_c"]) == (40, 5, None)
    assert reading(telemetry, "temperature_c").source == "A"
    assert reading(telemetry, "power_mw").source == "B"
    assert reading(telemetry, "hotspot_c").why_not == "A: no sensor"
    assert reading(telemetry, "energy_mj").why_not == "no source that this package reads shows it"


def test_only_the_sources_of_what_is_wanted_are_asked():
    first, second = Script("A", temperature_c=40), Script("B", power_mw=5)

    assert Telemetry([first, second]).read(("power_mw",)) == {"power_mw": 5}
    assert (first.asked, second.asked) == (0, 1)


def test_a_source_that_fails_leaves_the_others_and_says_why():
    broken, other = Script("A", temperature_c=40), Script("B", power_mw=5)
    telemetry = Telemetry([broken, other])
    broken.values = RigTrouble("the GPU no longer answers", found="it fell off the bus")

    values = telemetry.read()

    assert (values["temperature_c"], values["power_mw"]) == (None, 5)
    assert telemetry.problems == {"A": "the GPU no longer answers: it fell off the bus"}
    telemetry.follow((7,))
    assert (telemetry.problems, telemetry.pids) == ({}, (7,))


def test_leaving_closes_every_source():
    first, second = Script("A", temperature_c=40), Script("B", power_mw=5)
    with Telemetry([first, second]):
        pass

    assert not first.open
    assert not second.open


def test_a_source_that_cannot_be_had_gives_its_reason():
    def refuse():
        raise RigTrouble("NVML cannot be used", found="Driver Not Loaded")

    with open_probes((), gpu=gpu(NVML), candidates=[Source(NVML, refuse)]) as telemetry:
        assert reading(telemetry, "temperature_c").why_not == "NVML: Driver Not Loaded"
        assert telemetry.has("memory_available_bytes")


def test_without_a_gpu_the_host_is_read():
    with open_probes((), gpu=None) as telemetry:
        values = telemetry.read()

    assert "no GPU" in reading(telemetry, "process_memory_bytes").why_not
    assert values["memory_available_bytes"] > 0


def test_amd_on_linux_is_read_from_its_files(tmp_path):
    card(tmp_path)
    with open_probes(
        (),
        gpu=gpu(AMDGPU, UUID),
        candidates=sources(gpu(AMDGPU, UUID), replace(this_machine(), system="Linux", drm=tmp_path)),
    ) as opened:
        assert opened.read()["temperature_c"] == 61.5
        assert reading(opened, "temperature_c").source == AMDGPU
        assert "amdsmi" in reading(opened, "energy_mj").why_not


@pytest.mark.parametrize(
    ("of", "system", "order"),
    [
        (NVML, "Linux", ["NVML"]),
        (NVML, "Windows", ["NVML", "Windows performance counters"]),
        (AMDGPU, "Linux", ["amdgpu sysfs", "amdsmi"]),
        (WINDOWS_REGISTRY, "Windows", ["Windows performance counters", "LibreHardwareMonitor"]),
    ],
)
def test_sources_are_tried_in_the_order_of_how_much_they_know(of, system, order):
    assert [source.name for source in sources(gpu(of), replace(this_machine(), system=system))] == order


@pytest.mark.parametrize(
    ("before", "after", "believed"),
    [
        (100, 1100, True),
        (100, 200, True),
        (100, 199, False),
        (100, 100, False),
        (None, 100, True),
        (None, 99, False),
        (5, None, True),
    ],
    ids=["rose", "rose by a tenth", "just under a tenth", "still", "listed since", "listed, too small", "not read"],
)
def test_a_counter_that_does_not_move_while_a_model_loads_is_not_believed(before, after, believed):
    assert (stillness(before, after, 1000) is None) is believed


def test_a_distrusted_counter_is_not_read_any_more():
    telemetry = Telemetry([NvmlProbe(NVIDIA, ScriptedNvml())])
    before = telemetry.read()

    found = telemetry.distrust_still(before, telemetry.read(), loaded_bytes=2_000_000_000)

    assert found == {"memory_used_bytes": "not trusted: it moved by 0 MB while 2000 MB were loaded"}
    assert telemetry.read()["memory_used_bytes"] is None
    assert reading(telemetry, "memory_used_bytes").why_not == found["memory_used_bytes"]
    assert telemetry.read()["temperature_c"] == 41


def test_a_gpu_lost_while_it_is_read_is_a_problem_and_no_exception():
    telemetry = Telemetry([NvmlProbe(NVIDIA, ScriptedNvml(power=[1, NVMLError("GPU is lost")]))])

    assert telemetry.read()["temperature_c"] is None
    assert telemetry.problems == {NVML: "the GPU no longer answers: GPU is lost"}
