"""What a number of a table rests on: one record, or several that ``evidence.html`` lists together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_rawrxd.measure.faults.window import DRILL, WINDOW
from pytest_rawrxd.measure.monitoring import DRILL as SCENE
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.levels import first_tokens
from pytest_rawrxd.report.matrix import cells
from pytest_rawrxd.report.runs import RecordLike

PAGE = "evidence.html"
ALONE = ("machine", "model", "quality", WINDOW, DRILL, SCENE)  #: kinds of which one record is a number's whole source


@dataclass(frozen=True)
class Group:
    """Records that one row of a page rests on together."""

    what: str
    records: tuple[str, ...]

    @property
    def anchor(self) -> str:
        return anchor(self.records)


def anchor(records: Sequence[str]) -> str:
    """The place of these records in ``evidence.html``: a record's own line, or that of their group."""
    if len(records) == 1:
        return f"r-{records[0]}"
    return f"g-{hashlib.sha256(chr(0).join(records).encode()).hexdigest()[:12]}"


def target(records: Sequence[str]) -> str:
    """The link to these records."""
    return f"{PAGE}#{anchor(records)}"


def groups(view: RunView) -> tuple[Group, ...]:
    """Every group of several records that a row of a page of this run links to, each once."""
    found: dict[tuple[str, ...], Group] = {}
    for group in _groups(view):
        if len(group.records) > 1:
            found.setdefault(group.records, group)
    return tuple(found.values())


def single_sources(view: RunView) -> Iterator[RecordLike]:
    """Records without raw data that a number links to by themselves."""
    return (record for kind in ALONE for record in view.of(kind))


def _groups(view: RunView) -> Iterator[Group]:
    for cell in cells(view.runs, view.variants):
        yield Group(f"{cell.variant}, {cell.tokens} tokens: every process", cell.records)
    for row in view.levels:
        yield Group(f"{row.engine}, {row.name}: every run", row.records)
    for found in first_tokens(view.records, view.load_raw):
        yield Group(f"{found.engine}, first tokens under open load", found.records)
    for kind in dict.fromkeys(str(record.data["kind"]) for record in (*view.of(WINDOW), *view.of(DRILL))):
        yield Group(f"fault {kind}: every injection and drill", of_fault(view, kind))


def of_fault(view: RunView, kind: str) -> tuple[str, ...]:
    """The ids of the injections and drills of one kind of fault."""
    return tuple(record.id for record in (*view.of(WINDOW), *view.of(DRILL)) if record.data["kind"] == kind)
