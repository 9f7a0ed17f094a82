"""Promised memory against the memory of the card."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_rawrxd.profile.lint.bounds import ends, low, point, promising, written
from pytest_rawrxd.profile.lint.finding import LintFinding, Severity
from pytest_rawrxd.profile.profile import Profile


def memory_findings(profile: Profile) -> Iterator[LintFinding]:
    """One finding for each variant whose expected memory, or the upper end of it, does not fit the card."""
    usable, headroom = profile.hardware.vram_usable, profile.hardware.headroom
    if usable is None or headroom is None:
        return
    room, free = usable.to("GB"), headroom.to("GB")
    for memory in promising(profile, "vram_used"):
        if "variant" not in memory.where:
            continue
        expected, least, most = point(memory, "GB"), low(memory, "GB"), ends(memory, "GB")[1]
        card = f"the card has {written(room, 'GB')} usable"
        if expected + free > room:
            also = (
                f"; nor does the low end, {written(least, 'GB')}" if least != expected and least + free > room else ""
            )
            yield LintFinding(
                Severity.DOES_NOT_FIT, (memory.id,), f"{_with_headroom(expected, free)}, {card}{also}", memory.bound_at
            )
        elif most is not None and most + free > room:
            yield LintFinding(
                Severity.NOTE,
                (memory.id,),
                f"the upper end does not fit: {_with_headroom(most, free)}, {card}",
                memory.bound_at,
            )


def _with_headroom(size: float, free: float) -> str:
    return f"{written(size, 'GB')} + {written(free, 'GB')} left free = {written(size + free, 'GB')}"
