"""What an NVIDIA GPU does at this moment, through its management library.

Measured on an H100: a reading takes 2-10 us, the energy counter 2.5 ms. PCIe throughput takes 20 ms and is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Self

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.gpu.detect import NVML, Gpu

#: Bits of the reasons for a lowered clock, in every version of NVML.
SOFTWARE_POWER_CAP = 0x4
HARDWARE_SLOWDOWN, THERMAL_BY_SOFTWARE, THERMAL_BY_HARDWARE, POWER_BRAKE = 0x8, 0x20, 0x40, 0x80
THROTTLED = HARDWARE_SLOWDOWN | THERMAL_BY_SOFTWARE | THERMAL_BY_HARDWARE | POWER_BRAKE

Read = Callable[[Any, Any], int]

READS: dict[str, Read] = {
    # Version 1 of the call: its "used" holds the driver's reserve, and total - used is what the engine calls free.
    "memory_used_bytes": lambda nvml, gpu: nvml.nvmlDeviceGetMemoryInfo(gpu).used,
    "temperature_c": lambda nvml, gpu: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU),
    "core_clock_mhz": lambda nvml, gpu: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM),
    "memory_clock_mhz": lambda nvml, gpu: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_MEM),
    "power_mw": lambda nvml, gpu: nvml.nvmlDeviceGetPowerUsage(gpu),
    "utilisation_percent": lambda nvml, gpu: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu,
    "clock_reasons": lambda nvml, gpu: nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu),
    "energy_mj": lambda nvml, gpu: nvml.nvmlDeviceGetTotalEnergyConsumption(gpu),
}


def open_probe(gpu: Gpu | None) -> NvmlProbe:
    """The probe of ``gpu``. Raises RigTrouble with the reason why it cannot be read."""
    if gpu is None:
        raise RigTrouble("no GPU is read", found="the engine computes on the CPU, or this machine shows no GPU")
    if gpu.source != NVML:
        raise RigTrouble("no GPU is read", where=gpu.name, found=f"found by {gpu.source}, which shows no readings")
    return NvmlProbe(gpu.uuid)


class NvmlProbe:
    """One GPU by its UUID. Use as a context manager: leaving lets go of the library.

    ``columns`` are the readings that this GPU has, in the order of ``read``; ``absent`` says why it lacks others.
    """

    source = NVML

    def __init__(self, uuid: str, nvml: Any = None) -> None:
        self._nvml = nvml or import_module("pynvml")
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
        for column, read in READS.items():
            try:
                read(self._nvml, self._gpu)
            except (self._nvml.NVMLError, AttributeError) as error:  # an older binding lacks the function
                self.absent[column] = str(error)
        self.columns = tuple(column for column in READS if column not in self.absent)

    def read(self) -> tuple[int, ...]:
        """One value for each of ``columns``. Raises RigTrouble when the GPU no longer answers."""
        try:
            return tuple(int(READS[column](self._nvml, self._gpu)) for column in self.columns)
        except self._nvml.NVMLError as error:
            raise RigTrouble("the GPU no longer answers", where=self.source, found=str(error)) from error

    def process_bytes(self, pid: int) -> int | None:
        """Device memory that NVML counts for a process; None where it lists no such process, as in some containers.

        A Vulkan process stands in both lists of processes: the larger figure, never the sum.
        """
        sizes = []
        for listed in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
            try:
                processes = getattr(self._nvml, listed)(self._gpu)
            except self._nvml.NVMLError:
                continue
            sizes += [process.usedGpuMemory for process in processes if process.pid == pid]
        return max((int(size) for size in sizes if size is not None), default=None)

    def close(self) -> None:
        self._nvml.nvmlShutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
