"""Why a GPU's clock is lowered: the bits of ``clock_reasons``, those of NVML; other drivers' are translated."""

from __future__ import annotations

SOFTWARE_POWER_CAP = 0x4
HARDWARE_SLOWDOWN, THERMAL_BY_SOFTWARE, THERMAL_BY_HARDWARE, POWER_BRAKE = 0x8, 0x20, 0x40, 0x80
WORDS = {
    SOFTWARE_POWER_CAP: "power cap",
    HARDWARE_SLOWDOWN: "hardware slowdown",
    THERMAL_BY_SOFTWARE: "heat, by software",
    THERMAL_BY_HARDWARE: "heat",
    POWER_BRAKE: "power brake",
}
THROTTLED = HARDWARE_SLOWDOWN | THERMAL_BY_SOFTWARE | THERMAL_BY_HARDWARE | POWER_BRAKE


def words(reasons: int) -> str:
    """The reasons that lower a clock by more than idleness or a setting of the application, or "none"."""
    return ", ".join(word for bit, word in WORDS.items() if reasons & bit) or "none"
