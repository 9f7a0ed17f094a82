"""A curve in letters: points of rate against memory on a page of plain text."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

COLUMNS, ROWS = 60, 11


def plot(points: Sequence[tuple[float, float]], *, columns: int = COLUMNS, rows: int = ROWS) -> list[str]:
    """Return the lines of a plot from zero to the largest value on both axes; the first point is A, the second B.

    A point whose place is taken stands in the next free one to its right, or to its left at the edge.
    """
    field = [[" "] * columns for _ in range(rows)]
    most_x, most_y = (max((point[axis] for point in points), default=0.0) for axis in (0, 1))
    for letter, (x, y) in zip(ascii_uppercase, points, strict=False):
        row = field[rows - 1 - _place(y, most_y, rows)]
        at = _place(x, most_x, columns)
        free = [each for each in (*range(at, columns), *range(at - 1, -1, -1)) if row[each] == " "]
        row[free[0]] = letter
    return [*("│" + "".join(row) for row in field), "└" + "─" * columns]


def _place(value: float, most: float, cells: int) -> int:
    return round((cells - 1) * value / most) if most > 0 else 0
