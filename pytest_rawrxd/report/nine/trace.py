"""From every number of a document to its fact: how a fact is written down, and what a document prints without one.

Markdown carries a fact as ``<!-- e: KEY SOURCE +N -->text<!-- / -->``: invisible where it is read, N further sources
stand in ``numbers.json``. A Mermaid line has ``%% e: KEY`` lines above it. A line of plain text ends in ``[n]``, and
the list at the end of the text says which facts that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import get_args
from urllib.parse import quote

from pytest_rawrxd.profile.criterion import Document
from pytest_rawrxd.report.nine.fact import Fact
from pytest_rawrxd.report.plain import plain

DOCUMENTS: tuple[str, ...] = get_args(Document)

#: The closed list: what may have a digit in it and is no number. Names, and words of a fixed meaning.
NAMES = (
    *(re.escape(name) for name in DOCUMENTS),
    r"signoff-phase[123]\.html",
    r"stability_48h\.html",
    r"error_handling\.html",
    r"Q2_K|Q4_K|Q5_K_M|Q6_K|Q8_0",
    r"(?:P[123]|SLA)-[A-Z][A-Za-z0-9_-]*",  # the id of a criterion
    r"P50|P95|P99",
    r"SHA-256|SHA256SUMS|RFC 2119",
    r"[Pp]hase [123]|phase[123]",
    r"1M tokens|v1\.0",
    r"48 hours without interruption",  # a line of the readiness checklist
)
#: In command blocks: programs, options and paths, and the constants of the guide's own requests.
COMMANDS = r"sha256sum|SHA256|2>&1|/v1/completions|--retry-delay 1|-gt 0|Start-Sleep -Seconds 1|\"max_tokens\": 8"
NAME = re.compile(rf"(?<![A-Za-z0-9.])(?:{'|'.join(NAMES)})(?![A-Za-z0-9])|{COMMANDS}")
SPAN = re.compile(r"<!-- e: (?P<key>\S+) (?P<source>\S+)(?: \+(?P<more>[0-9]+))? -->(?P<text>.*?)<!-- / -->", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
CODE_FACT = re.compile(r"^\s*%% e: (?P<key>\S+) (?P<source>\S+)(?: \+(?P<more>[0-9]+))?$")
FENCE = re.compile(r"^```")
REFERENCE = re.compile(r"\s\[(?P<note>[0-9]+)\]$")
LISTED = re.compile(r"^\[(?P<note>[0-9]+)\] (?P<key>\S+) (?P<source>\S+)(?: \+(?P<more>[0-9]+))?$")
#: What a key or a source has in it; anything else is written as in a URL.
MARKED = "/:._-+#,=@"
MARKDOWN = {"&": "&amp;", "<": "&lt;", **{character: f"\\{character}" for character in "\\|*~`$"}}
#: Entities of Mermaid, by name: a number in a drawing is a fact.
MERMAID = {'"': "quot", "#": "num", "<": "lt", ">": "gt", "&": "amp", "`": "grave", "|": "vert", "\\": "bsol"}
LINK = re.compile(r"\]([(\[:])")
DIGIT = re.compile(r"[0-9]")


@dataclass(frozen=True)
class Printed:
    """One place of a document that prints a fact; ``text`` as the reader sees it, None where the place has no own."""

    key: str
    source: str
    more: int
    text: str | None


def mark(fact: Fact) -> str:
    """Return key and sources of ``fact`` as a document carries them; no character of theirs ends what carries them."""
    more = f" +{len(fact.sources) - 1}" if len(fact.sources) > 1 else ""
    return f"{_word(fact.key)} {_word(fact.sources[0].replace(' ', '_'))}{more}"


def _word(text: str) -> str:
    return quote(text, safe=MARKED, errors="replace")


def cell(text: str) -> str:
    """Return ``text`` so that Markdown, also inside a table, prints it as it is: no element, link, image or formula."""
    escaped = "".join(MARKDOWN.get(character, character) for character in plain(text))
    return LINK.sub(r"]\\\1", escaped).replace("![", r"!\[")


def inline(fact: Fact) -> str:
    """Return ``fact`` as Markdown prints it."""
    return f"<!-- e: {mark(fact)} -->{cell(fact.text)}<!-- / -->"


def drawn(text: str) -> str:
    """Return ``text`` for the quotes of a Mermaid label: nothing that ends the label, the line or the drawing."""
    return "".join(f"#{MERMAID[each]};" if each in MERMAID else each for each in plain(text))


def printed(text: str) -> Iterator[Printed]:
    """Yield every fact that a document says it prints."""
    for found in SPAN.finditer(text):
        yield Printed(found["key"], found["source"], int(found["more"] or 0), found["text"])
    for line in text.splitlines():
        if noted := CODE_FACT.match(line) or LISTED.match(line):
            yield Printed(noted["key"], noted["source"], int(noted["more"] or 0), None)


def untraced(text: str, facts: Mapping[str, Fact], *, markdown: bool) -> list[str]:
    """Return every line of a document with a digit that belongs to no fact and no name; none is as it has to be."""
    return list(_markdown(text, facts) if markdown else _plain_text(text, facts))


def _markdown(text: str, facts: Mapping[str, Fact]) -> Iterator[str]:
    noted: list[str] = []
    inside = False
    for line in COMMENT.sub("", SPAN.sub("", text)).splitlines():
        if FENCE.match(line):
            inside, noted = not inside, []
            continue
        found = CODE_FACT.match(line) if inside else None
        if found:
            noted.append(found["key"])
            continue
        if DIGIT.search(NAME.sub("", _without(line, (facts[key] for key in noted if key in facts)))):
            yield line
        noted = []


def _plain_text(text: str, facts: Mapping[str, Fact]) -> Iterator[str]:
    notes: dict[str, list[Fact]] = {}
    for line in text.splitlines():
        if (found := LISTED.match(line)) and found["key"] in facts:
            notes.setdefault(found["note"], []).append(facts[found["key"]])
    for line in text.splitlines():
        if LISTED.match(line):
            continue
        found = REFERENCE.search(line)
        own = notes.get(found["note"], []) if found else []
        # A fact may be wrapped over two lines: each word of a line has to be a word of one of its facts.
        known = {word for fact in own for word in fact.text.split()}
        rest = NAME.sub("", " ".join(word for word in REFERENCE.sub("", line).split() if word not in known))
        if DIGIT.search(rest):
            yield line


def _without(line: str, facts: Iterable[Fact]) -> str:
    for text in sorted((text for fact in facts for text in {fact.text, drawn(fact.text)}), key=len, reverse=True):
        line = line.replace(text, "")
    return line
