"""Which cells of the performance matrix a selection of criteria needs, in how many fresh processes each."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_rawrxd.measure.decode import Cell
from pytest_rawrxd.profile import Criterion, Profile

#: Metrics that are taken from single-stream decoding of one cell.
CELL_METRICS = frozenset({"decode_tps", "time_per_token"})


def needed_cells(profile: Profile, criteria: Iterable[Criterion]) -> dict[Cell, int]:
    """Cell -> fresh processes: the matrix is the minimum, each rule adds until it has its n.

    Order is the profile's order of variants, so that every worker plans the same.
    """
    found: dict[Cell, int] = {}
    for criterion in criteria:
        if criterion.metric in CELL_METRICS and not criterion.not_applicable:
            cell = Cell(str(criterion.where["variant"]), int(criterion.where["tokens"]))
            found[cell] = max(found.get(cell, 0), _runs(profile, cell, criterion.kind))
    order: dict[str, int] = {variant: position for position, variant in enumerate(profile.models.variants)}
    return dict(sorted(found.items(), key=lambda item: (order[item[0].variant], item[0].tokens)))


def _runs(profile: Profile, cell: Cell, kind: str) -> int:
    protocol = profile.protocol.phase1
    cells = {str(variant): entries for variant, entries in protocol.matrix.items()}
    listed = {entry.tokens: entry.runs for entry in cells.get(cell.variant, ())}
    wanted = {"floor": protocol.processes.floor, "equivalence": protocol.processes.equivalence}
    return max(listed.get(cell.tokens, 1), wanted.get(kind, 1))
