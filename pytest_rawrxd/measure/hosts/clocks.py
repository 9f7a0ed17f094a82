"""Clocks of different hosts. Intervals never need two of them; the common start and the order of requests do.

Where a worker's clock stands is read over the wire: its instant lies between the one at which it was asked and the one
at which the answer came, so that half of that time is the most by which the middle can be wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pytest_rawrxd.measure.load.arrays import ABSENT, LoadArrays

TRIES = 5
INSTANTS = ("intended_ns", "sent_ns", "first_byte_ns", "ended_ns", "stamps_ns", "chunk_stamps_ns")


@dataclass(frozen=True)
class Anchor:
    """One instant on a host's two clocks: ``perf_ns`` measures, ``wall_ns`` is what NTP moves."""

    wall_ns: int
    perf_ns: int


@dataclass(frozen=True)
class Offset:
    """A worker's clock minus the coordinator's, right within ``uncertainty_ns`` of it."""

    ns: int
    uncertainty_ns: int
    anchor: Anchor


def read_offset(ask: Callable[[], Anchor], clock: Callable[[], int], *, tries: int = TRIES) -> Offset:
    """Ask a worker ``tries`` times for its instant; the fastest answer says it best."""
    found = []
    for _ in range(tries):
        before = clock()
        anchor = ask()
        after = clock()
        found.append(Offset(anchor.perf_ns - (before + after) // 2, (after - before + 1) // 2, anchor))
    return min(found, key=lambda offset: offset.uncertainty_ns)


def moved(arrays: LoadArrays, by_ns: int) -> LoadArrays:
    """``arrays`` on another clock: every instant ``by_ns`` later, every interval the same to the nanosecond."""
    columns = {name: getattr(arrays, name) for name in INSTANTS}
    absent = columns["first_byte_ns"] == ABSENT
    shifted = {name: column + np.int64(by_ns) for name, column in columns.items()}
    shifted["first_byte_ns"][absent] = ABSENT
    return replace(arrays, **shifted)
