"""AMD's throttle status, translated into the bits of ``clocks``.

The driver's table gpu_metrics carries a status that means the same on every chip since version 1.3: bits 0-15 power,
16-31 current, 32-47 temperature and external heat signals. A limit of power or current is how a card boosts, a setting
of its vendor: a note. Heat, and a signal from outside, are throttling.
"""

from __future__ import annotations

import struct

from pytest_rawrxd.rig.telemetry.clocks import HARDWARE_SLOWDOWN, SOFTWARE_POWER_CAP, THERMAL_BY_HARDWARE

HEADER = struct.Struct("<HBB")  #: size, format revision, content revision
STATUS_OFFSET = {(1, 3): 112}  #: of the 64-bit status, by revision; checked against the size that the header names
UNKNOWN = (1 << 64) - 1

POWER_OR_CURRENT = 0x0000_0000_FFFF_FFFF
HEAT = 0x0000_0FFF_0000_0000  #: bits 32-43: sensors of the chip, its memory, its regulators, a liquid cooler
EXTERNAL = 0x0000_F000_0000_0000  #: bits 44-47: a hot regulator or processor says so by a wire


def reasons_of_metrics(table: bytes) -> int:
    """The reasons in the bytes of gpu_metrics. Raises ValueError for a version without a status that we know."""
    if len(table) < HEADER.size:
        raise ValueError(f"gpu_metrics is {len(table)} bytes long")
    size, form, content = HEADER.unpack_from(table)
    offset = STATUS_OFFSET.get((form, content))
    if offset is None:
        raise ValueError(f"gpu_metrics v{form}.{content} has no throttle status that this version reads")
    if min(size, len(table)) < offset + 8:
        raise ValueError(f"gpu_metrics v{form}.{content} is {min(size, len(table))} bytes long")
    return reasons(int.from_bytes(table[offset : offset + 8], "little"))


def reasons(status: int) -> int:
    """The reasons in a 64-bit status. Raises ValueError where it says that it is unknown: every bit is set."""
    if status == UNKNOWN:
        raise ValueError("the throttle status is not reported")
    said = 0
    if status & POWER_OR_CURRENT:
        said |= SOFTWARE_POWER_CAP
    if status & HEAT:
        said |= THERMAL_BY_HARDWARE
    if status & EXTERNAL:
        said |= HARDWARE_SLOWDOWN
    return said
