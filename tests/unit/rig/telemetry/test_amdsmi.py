"""AMD's Python library answers where ROCm installed it. The script is constructed from its published reference."""

import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.telemetry.amdsmi import AmdSmiProbe

PCI = "0000:03:00.0"
METRICS = {
    "average_gfx_activity": 97,
    "average_umc_activity": 61,
    "temperature_edge": 61,
    "temperature_hotspot": 78,
    "current_gfxclk": 2430,
    "current_uclk": 1218,
    "average_socket_power": 212,
    "indep_throttle_status": 1 << 36,
}


class AmdSmiException(Exception):
    """What every call of amdsmi raises."""


class ScriptedAmdSmi:
    """The module amdsmi with one card. ``used`` is in MiB."""

    AmdSmiException = AmdSmiException

    def __init__(self, *, used=8583, metrics=None):
        self._used, self.metrics, self.open = used, METRICS if metrics is None else metrics, 0

    def amdsmi_init(self):
        self.open += 1

    def amdsmi_shut_down(self):
        self.open -= 1

    def amdsmi_get_processor_handles(self):
        return ["card"]

    def amdsmi_get_gpu_device_bdf(self, _):
        return PCI.upper()

    def amdsmi_get_gpu_vram_usage(self, _):
        return {"vram_used": self._used, "vram_total": 16368}

    def amdsmi_get_gpu_metrics_info(self, _):
        if isinstance(self.metrics, Exception):
            raise self.metrics
        return self.metrics


def test_every_reading_in_the_units_of_the_schema():
    probe = AmdSmiProbe(PCI, ScriptedAmdSmi())

    assert probe.absent == {}
    assert probe.read(()) == {
        "memory_used_bytes": 8583 << 20,
        "utilisation_percent": 97,
        "memory_utilisation_percent": 61,
        "temperature_c": 61,
        "hotspot_c": 78,
        "core_clock_mhz": 2430,
        "memory_clock_mhz": 1218,
        "power_mw": 212_000,
        "clock_reasons": 0x40,
    }


@pytest.mark.parametrize("unknown", ["N/A", 0xFFFF, None])
def test_what_the_firmware_does_not_report_is_absent(unknown):
    smi = ScriptedAmdSmi(used=0, metrics={**METRICS, "temperature_edge": unknown})

    assert AmdSmiProbe(PCI, smi).absent == {
        "temperature_c": "temperature_edge not reported",
        "memory_used_bytes": "not reported: free equals total",
    }


def test_a_value_that_is_missing_later_is_none_and_a_lost_card_is_trouble():
    smi = ScriptedAmdSmi()
    probe = AmdSmiProbe(PCI, smi)
    smi.metrics = {**METRICS, "current_uclk": "N/A"}
    assert probe.read(())["memory_clock_mhz"] is None

    smi.metrics = AmdSmiException("device lost")
    with pytest.raises(RigTrouble, match="no longer answers"):
        probe.read(())


def test_another_card_is_refused_and_the_library_let_go():
    smi = ScriptedAmdSmi()

    with pytest.raises(RigTrouble, match="does not know this GPU"):
        AmdSmiProbe("0000:0c:00.0", smi)

    assert smi.open == 0
