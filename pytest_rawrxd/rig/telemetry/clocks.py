"""Why a GPU's clock is lowered: the bits of ``clock_reasons``, those of NVML; other drivers' are translated."""

from __future__ import annotations

SOFTWARE_POWER_CAP = 0x4
HARDWARE_SLOWDOWN, THERMAL_BY_SOFTWARE, THERMAL_BY_HARDWARE, POWER_BRAKE = 0x8, 0x20, 0x40, 0x80
THROTTLED = HARDWARE_SLOWDOWN | THERMAL_BY_SOFTWARE | THERMAL_BY_HARDWARE | POWER_BRAKE
