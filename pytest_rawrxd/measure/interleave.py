"""In which order runs are made: interleaved, so that a machine that drifts does not favour a variant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Cell = TypeVar("Cell")


def interleaved(runs: Mapping[Cell, int]) -> list[tuple[Cell, int]]:
    """Every (cell, run number) with run numbers from 1; each round starts one cell later than the round before.

    Rounds keep the runs of one cell apart in time; the rotation keeps two cells from always following each other.
    """
    order: list[tuple[Cell, int]] = []
    for turn in range(max(runs.values(), default=0)):
        left = [cell for cell, count in runs.items() if count > turn]
        start = turn % len(left)
        order += [(cell, turn + 1) for cell in (*left[start:], *left[:start])]
    return order
