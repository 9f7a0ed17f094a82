"""What an NVIDIA GPU does at this moment, through its management library.

Measured on an H100: a reading takes 2-10 us, the energy counter 2.5 ms. PCIe throughput takes 20 ms and is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.gpu.detect import NVML
from pytest_rawrxd.rig.telemetry.protocol import NotReported
from pytest_rawrxd.rig.telemetry.signal import Value

Read = Callable[[Any, Any], int]


def _memory_used(nvml: Any, gpu: Any) -> int:
    # Version 1 of the call: its "used" holds the driver's reserve, and total - used is what the engine calls free.
    told = nvml.nvmlDeviceGetMemoryInfo(gpu)
    if told.free == told.total:
        raise NotReported("not reported: free equals total")
    return int(told.used)


READS: dict[str, Read] = {
    "memory_used_bytes": _memory_used,
    "temperature_c": lambda nvml, gpu: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU),
    "core_clock_mhz": lambda nvml, gpu: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM),
    "memory_clock_mhz": lambda nvml, gpu: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_MEM),
    "power_mw": lambda nvml, gpu: nvml.nvmlDeviceGetPowerUsage(gpu),
    "utilisation_percent": lambda nvml, gpu: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu,
    "memory_utilisation_percent": lambda nvml, gpu: nvml.nvmlDeviceGetUtilizationRates(gpu).memory,
    "clock_reasons": lambda nvml, gpu: nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu),
    "energy_mj": lambda nvml, gpu: nvml.nvmlDeviceGetTotalEnergyConsumption(gpu),
}
PROCESS, OTHERS = "process_memory_bytes", "foreign_processes"
COMPUTE, GRAPHICS = "nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"


class NvmlProbe:
    """One NVIDIA GPU by its UUID."""

    source = NVML

    def __init__(self, uuid: str, nvml: Any) -> None:
        self._nvml = nvml
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError as error:
            raise RigTrouble("NVML cannot be used", where=uuid, found=str(error)) from error
        try:
            self._gpu = self._nvml.nvmlDeviceGetHandleByUUID(uuid)
        except self._nvml.NVMLError as error:
            self._nvml.nvmlShutdown()
            raise RigTrouble("NVML does not know this GPU", where=uuid, found=str(error)) from error
        self.absent: dict[str, str] = {}
        for name, read in READS.items():
            try:
                read(self._nvml, self._gpu)
            except (self._nvml.NVMLError, NotReported, AttributeError) as error:  # an older binding lacks the function
                self.absent[name] = str(error)
        try:
            listed = self._processes()
        except self._nvml.NVMLError as error:
            self.absent |= dict.fromkeys((PROCESS, OTHERS), str(error))
        else:
            if COMPUTE not in listed:
                self.absent[OTHERS] = "this GPU does not list the processes that compute"
            told = [process for each in listed.values() for process in each]
            if told and all(process.usedGpuMemory is None for process in told):  # Windows' driver model
                self.absent[PROCESS] = "processes are listed without their memory"
        self.signals = tuple(name for name in (*READS, PROCESS, OTHERS) if name not in self.absent)

    def read(self, pids: Sequence[int]) -> dict[str, Value | None]:
        """One value for each of ``signals``. Raises RigTrouble when the GPU no longer answers."""
        try:
            values: dict[str, Value | None] = {
                name: int(READS[name](self._nvml, self._gpu)) for name in self.signals if name in READS
            }
            listed = self._processes() if pids and {PROCESS, OTHERS} & {*self.signals} else {}
            if PROCESS in self.signals:
                values[PROCESS] = _held(listed, pids)
            if OTHERS in self.signals:
                values[OTHERS] = _others(listed, pids)
        except (self._nvml.NVMLError, NotReported) as error:
            raise RigTrouble("the GPU no longer answers", where=self.source, found=str(error)) from error
        return values

    def _processes(self) -> dict[str, list[Any]]:
        """Both lists by their names; one that this GPU does not have is left out. Raises NVMLError without any."""
        found: dict[str, list[Any]] = {}
        for name in (COMPUTE, GRAPHICS):
            try:
                found[name] = list(getattr(self._nvml, name)(self._gpu))
            except self._nvml.NVMLError:
                if name == GRAPHICS and not found:
                    raise
        return found

    def close(self) -> None:
        self._nvml.nvmlShutdown()


def _held(listed: dict[str, list[Any]], pids: Sequence[int]) -> int | None:
    """Device memory that NVML counts for processes; None where it lists none of them, as in some containers.

    A Vulkan process stands in both lists of processes: the larger figure, never the sum.
    """
    sizes: dict[int, int] = {}
    for process in (each for name in listed for each in listed[name]):
        if process.pid in pids and process.usedGpuMemory is not None:
            sizes[process.pid] = max(sizes.get(process.pid, 0), int(process.usedGpuMemory))
    return sum(sizes.values()) if sizes else None


def _others(listed: dict[str, list[Any]], pids: Sequence[int]) -> int | None:
    """Processes that compute and do not draw, less ours; None where NVML lists none of ours: its numbers are others.

    A desktop draws, and on Windows everything stands in both lists: what draws is company that a person sees.
    """
    known = {name: {process.pid for process in each} for name, each in listed.items()}
    if not any(each.intersection(pids) for each in known.values()):
        return None
    return len(known.get(COMPUTE, set()) - known.get(GRAPHICS, set()) - {*pids})
