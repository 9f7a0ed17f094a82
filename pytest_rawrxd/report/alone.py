"""Several cards, one page: no table and no curve mixes them, so each card has pages of its own.

The pages of a run show the first card, and of phase 1 each cell from the first card that measured it. What the others
showed under load, in the soak and under faults lies below ``gpuN/``, in the same pages.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from pytest_rawrxd.measure.decode import REFERENCE, RUN
from pytest_rawrxd.measure.gpu import SAMPLES
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.runs import RecordLike

OF_A_FILE = "quality"  #: scores are of a model file: whichever lane had time reads it
LINK = re.compile(r'(?<= href=")([^"#:/][^"#:]*)')


def shown(view: RunView) -> RunView:
    """The view that pages are drawn from: of one card, with the cells of phase 1 that only others measured."""
    if not view.alone:
        return view
    first, *others = view.alone
    taken, more = _cells(first), list[RecordLike]()
    for other in others:
        cells = _cells(other)
        more += [record for record in other.records if _adds(record, cells - taken)]
        taken |= cells
    order = {record.id: position for position, record in enumerate(view.records)}
    records = sorted((*first.records, *more), key=lambda record: order[record.id])
    return replace(first, records=tuple(records))


def folder_of(view: RunView) -> str:
    """Where the pages of a card that is not the first lie, in the run directory."""
    assert view.card is not None  # noqa: S101 - a view of one of several cards names it
    return f"gpu{view.card.lane}"


def below(folder: str, files: Mapping[str, bytes], top: Collection[str]) -> dict[str, bytes]:
    """``files`` in ``folder``, with links to pages that are only in ``top`` leading up."""

    def lead(page: str) -> str:
        return LINK.sub(lambda link: f"../{link[1]}" if link[1] not in files and link[1] in top else link[1], page)

    return {
        f"{folder}/{name}": lead(content.decode()).encode() if name.endswith(".html") else content
        for name, content in files.items()
    }


def _cells(view: RunView) -> set[tuple[str, int]]:
    return {cell for record in view.records if record.kind in {RUN, REFERENCE} and (cell := _cell(record)) is not None}


def _cell(record: RecordLike) -> tuple[str, int] | None:
    variant, tokens = record.data.get("variant"), record.data.get("tokens")
    return None if variant is None or tokens is None else (str(variant), int(tokens))


def _adds(record: RecordLike, cells: Collection[tuple[str, int]]) -> bool:
    if record.kind.partition(".")[0] == OF_A_FILE:
        return True
    of_a_cell = record.kind in {RUN, REFERENCE} or (record.kind == SAMPLES and record.data.get("during") == RUN)
    return of_a_cell and _cell(record) in cells
