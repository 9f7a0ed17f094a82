"""The closed catalogue of what telemetry can say: names, units and meanings. Records use these names as columns."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

Value = int | float
Of = Literal["device", "process", "host"]


@dataclass(frozen=True)
class Signal:
    """One thing that can be read. ``of`` says whose it is: the GPU's, the engine processes', or the whole machine's."""

    name: str
    unit: str
    of: Of
    meaning: str


@dataclass(frozen=True)
class Reading:
    """Whether ``signal`` can be read here: from ``source``, or not because of ``why_not``; one of the two is None."""

    signal: Signal
    source: str | None
    why_not: str | None

    def to_dict(self) -> dict[str, Any]:
        signal = {"name": self.signal.name, "unit": self.signal.unit, "of": self.signal.of}
        return {**signal, "source": self.source, "why_not": self.why_not}


SIGNALS: Final = MappingProxyType(
    {
        signal.name: signal
        for signal in (
            Signal("memory_used_bytes", "B", "device", "memory of the GPU in use, by all processes"),
            Signal("shared_used_bytes", "B", "device", "host memory that the driver maps for the GPU (Linux: GTT)"),
            Signal("utilisation_percent", "%", "device", "share of time in which the GPU computed"),
            Signal("memory_utilisation_percent", "%", "device", "share of time in which the GPU's memory was accessed"),
            Signal("temperature_c", "degC", "device", "temperature of the GPU, at its edge where there are several"),
            Signal("hotspot_c", "degC", "device", "temperature of the hottest place of the GPU"),
            Signal("core_clock_mhz", "MHz", "device", "clock of the shaders"),
            Signal("memory_clock_mhz", "MHz", "device", "clock of the memory"),
            Signal("power_mw", "mW", "device", "power that the GPU takes"),
            Signal("energy_mj", "mJ", "device", "energy since the driver was loaded"),
            Signal("clock_reasons", "bits", "device", "why the clock is lowered, as bits of ``clocks``"),
            Signal("foreign_processes", "1", "device", "processes other than the engine's that compute on the GPU"),
            Signal("process_memory_bytes", "B", "process", "memory of the GPU that the engine processes hold"),
            Signal("resident_bytes", "B", "process", "memory of the host that the engine processes hold"),
            Signal("process_cpu_percent", "%", "process", "processor time of the engine, 100 % is all cores"),
            Signal("cpu_percent", "%", "host", "processor time of the whole machine, 100 % is all cores"),
            Signal("foreign_cpu_percent", "%", "host", "processor time of what is neither engine nor suite"),
            Signal("memory_available_bytes", "B", "host", "memory of the host that programs could still get"),
        )
    }
)


def names(*of: Of) -> tuple[str, ...]:
    """The signals of these owners, in the order of the catalogue."""
    return tuple(name for name, signal in SIGNALS.items() if signal.of in of)
