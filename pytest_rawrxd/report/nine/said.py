"""An answer of ``rawrxd choose`` in words: the variant, its figures, and why the others do not serve."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_rawrxd.report.nine.book import Book
from pytest_rawrxd.report.nine.tree import Chosen, Workload

REHEARSAL = "REHEARSAL: these figures are no sign-off"


def choice_text(book: Book, asked: Workload, found: Chosen) -> str:
    """Return the answer; its first line is the variant, or that none qualifies."""
    return "\n".join(_lines(book, asked, found))


def _lines(book: Book, asked: Workload, found: Chosen) -> Iterator[str]:
    yield found.variant or "no variant qualifies"
    if book.view.rehearsal:
        yield f"  {REHEARSAL}"
    for line in book.variants:
        if line.name == found.variant:
            yield f"  measured: {line.tps}; {line.memory}; top tokens kept: {line.quality}"
            yield f"  because: of {len(found.qualified)} that qualify it is first by {asked.prefer}"
    if found.qualified[1:]:
        yield f"  next: {', '.join(found.qualified[1:])}"
    for name, why in found.refused.items():
        yield f"  not {name}: {why}"
    for line in book.variants:
        if line.name not in {*found.qualified, *found.refused}:
            yield f"  not {line.name}: {line.tps}"
