"""The decision tree as a drawing and as text: one branch a use, its rule, its variant."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_rawrxd.report.nine.book import Book, UseLine
from pytest_rawrxd.report.nine.fact import Fact
from pytest_rawrxd.report.nine.trace import inline, mark

PREFERS = {"quality": "most top tokens kept", "speed": "highest rate", "memory": "least memory"}


def mermaid(book: Book) -> str:
    """Return the tree as a Mermaid flowchart; every line with a number has its facts above it."""
    return "\n".join(_lines(book))


def _lines(book: Book) -> Iterator[str]:
    yield "flowchart TD"
    yield '  start["What is asked for?"]'
    names = {line.name: line for line in book.variants}
    for use in book.uses:
        node = use.name.replace("-", "_")
        yield f'  start --> use_{node}["{use.title}"]'
        for each in asked(book, use):
            yield f"  %% e: {mark(each)}"
        said = "<br/>".join((*(each.text for each in asked(book, use)), PREFERS[use.prefer]))
        if use.variant is None:
            yield f'  use_{node} -->|"{said}"| answer_{node}["no variant qualifies"]'
            continue
        line = names[use.variant]
        yield f"  %% e: {mark(line.tps)}"
        yield f'  use_{node} -->|"{said}"| answer_{node}(["{use.variant}<br/>{line.tps.text}"])'


def tree_text(book: Book) -> str:
    """Return the tree as a list, for whoever reads without drawings."""
    rows = []
    for use in book.uses:
        rules = "; ".join((*(inline(each) for each in asked(book, use)), PREFERS[use.prefer]))
        answer = use.variant or "no variant"
        rows.append(f"- {use.title} ({rules}): **{answer}**. {inline(use.why)}")
    return "\n".join(rows) or "- The profile names no use."


def asked(book: Book, line: UseLine) -> tuple[Fact, ...]:
    """What a use asks for, as facts of the profile."""
    return tuple(each for each in book.asked if each.key.startswith(f"use/{line.name}/asks-"))
