"""pynvml with one GPU that reports what a script says: a value, a list of values one a reading, or an error."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

UUID = "GPU-0000"
STEADY: dict[str, Any] = {
    "memory_used": 5 << 30,
    "memory_total": 80 << 30,
    "temperature": 41,
    "core_clock": 1980,
    "memory_clock": 2619,
    "power": 310_000,
    "utilisation": 97,
    "memory_utilisation": 61,
    "reasons": 0,
    "energy": 1_000_000,
}


class NVMLError(Exception):
    """What every call of pynvml raises."""


class ScriptedNvml:
    """The module pynvml. ``script`` replaces entries of ``STEADY``; ``processes`` are (list, pid, bytes)."""

    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU, NVML_CLOCK_SM, NVML_CLOCK_MEM = 0, 1, 2

    def __init__(self, *, processes: tuple[tuple[str, int, int | None], ...] = (), **script: Any) -> None:
        self._script = {**STEADY, **script}
        self._processes = processes
        self.open = 0

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's names
        self._read("init", default=None)
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        if uuid != UUID:
            raise NVMLError("Not Found")
        return uuid

    def nvmlDeviceGetMemoryInfo(self, _: str) -> Any:  # noqa: N802
        used, total = self._read("memory_used"), self._read("memory_total")
        return SimpleNamespace(used=used, total=total, free=total - used)

    def nvmlDeviceGetTemperature(self, _: str, __: int) -> Any:  # noqa: N802
        return self._read("temperature")

    def nvmlDeviceGetClockInfo(self, _: str, which: int) -> Any:  # noqa: N802
        return self._read("core_clock" if which == self.NVML_CLOCK_SM else "memory_clock")

    def nvmlDeviceGetPowerUsage(self, _: str) -> Any:  # noqa: N802
        return self._read("power")

    def nvmlDeviceGetUtilizationRates(self, _: str) -> Any:  # noqa: N802
        return SimpleNamespace(gpu=self._read("utilisation"), memory=self._read("memory_utilisation"))

    def nvmlDeviceGetCurrentClocksEventReasons(self, _: str) -> Any:  # noqa: N802
        return self._read("reasons")

    def nvmlDeviceGetTotalEnergyConsumption(self, _: str) -> Any:  # noqa: N802
        return self._read("energy")

    def nvmlDeviceGetComputeRunningProcesses(self, _: str) -> list[Any]:  # noqa: N802
        return self._listed("compute")

    def nvmlDeviceGetGraphicsRunningProcesses(self, _: str) -> list[Any]:  # noqa: N802
        return self._listed("graphics")

    def _listed(self, which: str) -> list[Any]:
        self._read(f"{which}_processes", default=None)
        return [
            SimpleNamespace(pid=pid, usedGpuMemory=size) for listed, pid, size in self._processes if listed == which
        ]

    def _read(self, name: str, default: Any = 0) -> Any:
        told = self._script.get(name, default)
        value = told.pop(0) if isinstance(told, list) else told
        if isinstance(value, Exception):
            raise value
        return value
