"""The engine's own word on its memory: each answer is one reading."""

import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.engine.protocol import Device
from pytest_rawrxd.rig.gpu.detect import NVML, Gpu
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.rig.telemetry.ggml import EngineProbe, told_by
from pytest_rawrxd.rig.telemetry.sources import Source

CPU = Device("CPU", "a processor", "cpu", "cpu", 1, 2)
SILENT = Device("Vulkan0", "a card", "gpu", "vulkan", None, None, "free equals total")


def card(free, name="Vulkan0"):
    return Device(name, "a card", "gpu", "vulkan", free, 1000)


def test_each_answer_is_read_once():
    probe = EngineProbe([CPU, card(900)])

    assert probe.read(()) == {"memory_used_bytes": 100}
    assert probe.read(()) == {"memory_used_bytes": None}
    probe.tell([CPU, card(400), card(1000, "Vulkan1")])
    assert probe.read(()) == {"memory_used_bytes": 600}


def test_a_card_that_stays_silent_makes_the_sum_unknown():
    probe = EngineProbe([card(900)])
    probe.tell([card(900), SILENT])

    assert probe.read(()) == {"memory_used_bytes": None}


@pytest.mark.parametrize(("devices", "said"), [([CPU], "it has no GPU"), ([SILENT], "free equals total")])
def test_an_engine_that_does_not_tell_gives_its_reason(devices, said):
    with pytest.raises(RigTrouble) as trouble:
        EngineProbe(devices)

    assert trouble.value.found == said


def test_it_is_asked_after_the_driver_and_before_nobody():
    def refuse():
        raise RigTrouble("NVML cannot be used", found="Driver Not Loaded")

    gpu, nvml = Gpu("a card", "x", 1000, None, NVML), Source(NVML, refuse)
    source, probe = told_by([card(900)])
    silent, nobody = told_by([SILENT])

    with open_probes((), gpu=gpu, engine=source, candidates=[nvml]) as telemetry:
        assert telemetry.source("memory_used_bytes") == "the engine, by ggml"
        assert telemetry.read()["memory_used_bytes"] == 100
        probe.tell([card(300)])
        assert telemetry.read()["memory_used_bytes"] == 700
    with open_probes((), gpu=gpu, engine=silent, candidates=[nvml]) as telemetry:
        assert nobody is None
        assert telemetry.why_not("memory_used_bytes") == (
            "NVML: Driver Not Loaded; the engine, by ggml: free equals total"
        )
