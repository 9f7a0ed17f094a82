"""What an AMD GPU does, through AMD's own Python library where ROCm installed it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.telemetry.amd_throttle import reasons
from pytest_rawrxd.rig.telemetry.signal import Value

SOURCE = "amdsmi"
UNKNOWN = (0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF)  #: how the firmware's tables say "not reported", by width

Metrics = Mapping[str, Any]


def _known(metrics: Metrics, *keys: str) -> int:
    for key in keys:
        value = metrics.get(key)
        if isinstance(value, int) and value not in UNKNOWN:
            return value
    raise ValueError(f"{' and '.join(keys)} not reported")


METRICS: dict[str, Callable[[Metrics], Value]] = {
    "utilisation_percent": lambda told: _known(told, "average_gfx_activity"),
    "memory_utilisation_percent": lambda told: _known(told, "average_umc_activity"),
    "temperature_c": lambda told: _known(told, "temperature_edge"),
    "hotspot_c": lambda told: _known(told, "temperature_hotspot"),
    "core_clock_mhz": lambda told: _known(told, "current_gfxclk"),
    "memory_clock_mhz": lambda told: _known(told, "current_uclk"),
    "power_mw": lambda told: 1000 * _known(told, "average_socket_power", "current_socket_power"),
    "clock_reasons": lambda told: reasons(_known(told, "indep_throttle_status")),
}
MEMORY = "memory_used_bytes"


class AmdSmiProbe:
    """One AMD GPU by its PCI address."""

    source = SOURCE

    def __init__(self, pci: str, amdsmi: Any) -> None:
        self._smi = amdsmi
        try:
            self._smi.amdsmi_init()
            self._gpu = self._handle(pci)
        except self._smi.AmdSmiException as error:
            raise RigTrouble("amdsmi cannot be used", where=pci, found=str(error)) from error
        if self._gpu is None:
            self._smi.amdsmi_shut_down()
            raise RigTrouble("amdsmi does not know this GPU", where=pci, found="no card at this PCI address")
        self.absent: dict[str, str] = {}
        try:
            told = self._smi.amdsmi_get_gpu_metrics_info(self._gpu)
        except self._smi.AmdSmiException as error:
            self.absent = dict.fromkeys(METRICS, str(error))
        else:
            self.absent = {name: said for name, read in METRICS.items() if (said := _why_not(read, told)) is not None}
        try:
            self._used()
        except (self._smi.AmdSmiException, ValueError) as error:
            self.absent[MEMORY] = str(error)
        self.signals = tuple(name for name in (MEMORY, *METRICS) if name not in self.absent)

    def read(self, _pids: Sequence[int]) -> dict[str, Value | None]:
        """One value for each of ``signals``, None where the firmware has none now. RigTrouble when it is gone."""
        values: dict[str, Value | None] = {}
        try:
            if MEMORY in self.signals:
                values[MEMORY] = self._used()
            if any(name in METRICS for name in self.signals):
                told = self._smi.amdsmi_get_gpu_metrics_info(self._gpu)
                values |= {name: _value(METRICS[name], told) for name in self.signals if name in METRICS}
        except (self._smi.AmdSmiException, ValueError) as error:
            raise RigTrouble("the GPU no longer answers", where=self.source, found=str(error)) from error
        return values

    def close(self) -> None:
        self._smi.amdsmi_shut_down()

    def _handle(self, pci: str) -> Any:
        for handle in self._smi.amdsmi_get_processor_handles():
            if str(self._smi.amdsmi_get_gpu_device_bdf(handle)).lower() == pci.lower():
                return handle
        return None

    def _used(self) -> int:
        used = _known(self._smi.amdsmi_get_gpu_vram_usage(self._gpu), "vram_used")
        if used == 0:
            raise ValueError("not reported: free equals total")
        return used << 20  # MiB


def _value(read: Callable[[Metrics], Value], told: Metrics) -> Value | None:
    try:
        return read(told)
    except ValueError:
        return None


def _why_not(read: Callable[[Metrics], Value], told: Metrics) -> str | None:
    try:
        read(told)
    except ValueError as error:
        return str(error)
    return None
