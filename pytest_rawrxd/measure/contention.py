"""How much of the machine other programs used while we measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_rawrxd.rig.cpu import CpuReader, SystemCpu

__all__ = ["Contention", "CpuReader", "SystemCpu", "watch"]


@dataclass(frozen=True)
class Contention:
    """``foreign_share`` of all cores (0..1) was used by programs that are not ours."""

    foreign_share: float
    own_share: float
    elapsed_s: float


def watch(
    reader: CpuReader, pids: Sequence[int], cores: int, monotonic_ns: Callable[[], int]
) -> Callable[[], Contention]:
    """Begin watching; the returned function ends it. ``pids`` are ours and must be alive at both ends."""
    began_ns, began_busy, began_own = monotonic_ns(), reader.busy_s(), reader.own_s(pids)

    def ended() -> Contention:
        elapsed = max((monotonic_ns() - began_ns) / 1e9, 1e-9)
        busy, own = reader.busy_s() - began_busy, reader.own_s(pids) - began_own
        capacity = elapsed * cores
        return Contention(
            # Both counters tick at 10 ms, so a quiet machine can come out a tick below zero.
            foreign_share=min(max((busy - own) / capacity, 0.0), 1.0),
            own_share=min(max(own / capacity, 0.0), 1.0),
            elapsed_s=elapsed,
        )

    return ended
