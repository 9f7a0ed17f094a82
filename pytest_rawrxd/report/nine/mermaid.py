"""The decision tree as a drawing and as text: one branch a use, its rule, its variant."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_lowercase

from pytest_rawrxd.report.nine.book import Book
from pytest_rawrxd.report.nine.trace import cell, drawn, inline, mark


def mermaid(book: Book) -> str:
    """Return the tree as a Mermaid flowchart; every line with a number has its facts above it."""
    return "\n".join(_lines(book))


def _lines(book: Book) -> Iterator[str]:
    yield "flowchart TD"
    yield '  start["What is asked for?"]'
    names = {line.name: line for line in book.variants}
    for position, use in enumerate(book.uses):
        node = _letters(position)
        yield f"  %% e: {mark(use.title)}"
        yield f'  start --> use_{node}["{drawn(use.title.text)}"]'
        for each in use.asks:
            yield f"  %% e: {mark(each)}"
        said = "<br/>".join((*(drawn(each.text) for each in use.asks), use.prefers))
        if use.variant is None:
            yield f'  use_{node} -->|"{said}"| answer_{node}["no variant qualifies"]'
            continue
        line = names[use.variant]
        yield f"  %% e: {mark(line.tps)}"
        yield f'  use_{node} -->|"{said}"| answer_{node}(["{drawn(use.variant)}<br/>{drawn(line.tps.text)}"])'


def _letters(position: int) -> str:
    """A name of its own for each node, without a digit: 0 is a, 12 is bc."""
    return "".join(ascii_lowercase[int(digit)] for digit in str(position))


def tree_text(book: Book) -> str:
    """Return the tree as a list, for whoever reads without drawings."""
    rows = []
    for use in book.uses:
        rules = "; ".join((*(inline(each) for each in use.asks), use.prefers))
        answer = cell(use.variant or "no variant")
        then = f"; next: {cell(', '.join(use.next))}" if use.next else ""
        rows.append(f"- {inline(use.title)} ({rules}): **{answer}**. {inline(use.why)}{then}")
    return "\n".join(rows) or "- The profile names no use."
