"""The decision tree as a drawing and as text: one branch a use, its rule, its variant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_rawrxd.report.nine.book import Book, UseLine
from pytest_rawrxd.report.nine.fact import Fact
from pytest_rawrxd.report.nine.trace import cell, inline, mark
from pytest_rawrxd.report.plain import plain

#: By name: a number in a drawing is a fact.
ENTITIES = {'"': "quot", "#": "num", "<": "lt", ">": "gt", "&": "amp", "`": "grave", "|": "vert", "\\": "bsol"}
PREFERS = {"quality": "most top tokens kept", "speed": "highest rate", "memory": "least memory"}


def mermaid(book: Book) -> str:
    """Return the tree as a Mermaid flowchart; every line with a number has its facts above it."""
    return "\n".join(_lines(book))


def _lines(book: Book) -> Iterator[str]:
    yield "flowchart TD"
    yield '  start["What is asked for?"]'
    names = {line.name: line for line in book.variants}
    for use in book.uses:
        node = re.sub(r"\W", "_", use.name, flags=re.ASCII)
        yield f'  start --> use_{node}["{_label(use.title)}"]'
        for each in asked(book, use):
            yield f"  %% e: {mark(each)}"
        said = "<br/>".join((*(_label(each.text) for each in asked(book, use)), PREFERS[use.prefer]))
        if use.variant is None:
            yield f'  use_{node} -->|"{said}"| answer_{node}["no variant qualifies"]'
            continue
        line = names[use.variant]
        yield f"  %% e: {mark(line.tps)}"
        yield f'  use_{node} -->|"{said}"| answer_{node}(["{_label(use.variant)}<br/>{_label(line.tps.text)}"])'


def _label(text: str) -> str:
    """``text`` inside the quotes of a node or an edge: Mermaid's own entities, and nothing that ends the drawing."""
    return "".join(f"#{ENTITIES[each]};" if each in ENTITIES else each for each in plain(text))


def tree_text(book: Book) -> str:
    """Return the tree as a list, for whoever reads without drawings."""
    rows = []
    for use in book.uses:
        rules = "; ".join((*(inline(each) for each in asked(book, use)), PREFERS[use.prefer]))
        answer = cell(use.variant or "no variant")
        rows.append(f"- {cell(use.title)} ({rules}): **{answer}**. {inline(use.why)}")
    return "\n".join(rows) or "- The profile names no use."


def asked(book: Book, line: UseLine) -> tuple[Fact, ...]:
    """What a use asks for, as facts of the profile."""
    return tuple(each for each in book.asked if each.key.startswith(f"use/{line.name}/asks-"))
