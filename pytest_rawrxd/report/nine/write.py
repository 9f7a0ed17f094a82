"""The nine documents as files: rendered, then read again for a number that has no source."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import asdict
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pytest_rawrxd.errors import SuiteDefect, UsageProblem
from pytest_rawrxd.measure.guide import SETTINGS, STEPS
from pytest_rawrxd.report.checklists import CHECKLISTS, answered
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.nine.book import Book
from pytest_rawrxd.report.nine.fact import Fact
from pytest_rawrxd.report.nine.mermaid import mermaid, tree_text
from pytest_rawrxd.report.nine.text_page import text_page
from pytest_rawrxd.report.nine.trace import DIGIT, DOCUMENTS, NAME, cell, inline, untraced
from pytest_rawrxd.report.nine.tree import decision_tree

FOLDER = "docs"
JOINED = "docs-joined"  #: documents of several runs, in the first of them
SITE = "site"
TREE, NUMBERS = "decision_tree.json", "numbers.json"
REHEARSAL = "REHEARSAL-"
BANNER = "REHEARSAL – can never be signed as accepted"
SCRIPTED = "scripted"


def nine_documents(view: RunView, *, charts: Collection[str], charts_at: str = "../charts") -> dict[str, bytes]:
    """Return the nine documents, ``decision_tree.json`` and ``numbers.json`` by file name.

    Each name begins with REHEARSAL- where nothing of the run can be signed. Raises UsageProblem for a run of the
    scripted engine, which measures nothing, and SuiteDefect where a number of a document has no source.
    """
    if not renders(view):
        raise UsageProblem(
            "there are no measured numbers in this run",
            found=f"the engine is {view.verdicts['target']['measured']}",
            possible="a run of a real engine, with the profile that it carries",
        )
    book = Book(view)
    prefix = REHEARSAL if view.rehearsal else ""
    texts = {name: _document(name, book, prefix, charts, charts_at) for name in DOCUMENTS}
    for name, text in texts.items():
        if lines := untraced(text, book.facts, markdown=name.endswith(".md")):
            raise SuiteDefect("a document prints a number without its source", where=name, found=lines[0].strip())
    uses = view.profile.whole.uses if view.profile.whole else {}
    data: dict[str, Any] = {
        TREE: {"rehearsal": view.rehearsal, **decision_tree(book.candidates, uses)},
        NUMBERS: {key: asdict(each) for key, each in sorted(book.facts.items())},
    }
    files = {f"{prefix}{name}": text.encode() for name, text in texts.items()}
    return files | {
        f"{prefix}{name}": (json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
        for name, found in data.items()
    }


def renders(view: RunView) -> bool:
    """Whether documents can be made of this run: not of an engine that plays a script."""
    engine = view.verdicts["run"]["identity"]["engine"]
    return view.profile.whole is not None and SCRIPTED not in {engine.get("backend"), engine.get("name")}


def _document(name: str, book: Book, prefix: str, charts: Collection[str], charts_at: str) -> str:
    if name.endswith(".txt"):
        return text_page(book, banner=BANNER if prefix else None)
    view = book.view
    page = _environment().get_template(f"{name}.j2")
    text = page.render(
        book=book,
        banner=BANNER if prefix else None,
        prefix=prefix,
        documents=DOCUMENTS,
        charts={key: f"{charts_at}/{key}.svg" for key in charts},
        mermaid=_passed(mermaid(book)),
        tree_text=_passed(tree_text(book)),
        checklists=[(each, answered(view, each)) for each in CHECKLISTS],
        steps=STEPS,
        settings=SETTINGS,
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _passed(text: str) -> Markup:
    """What may stand in a document: a fact with its source, a name of the closed list, or text without a digit."""
    return Markup(text)  # noqa: S704 - Markdown, not HTML; `cell` has escaped what comes from outside


def _told(value: Fact) -> Markup:
    return _passed(inline(value))


def _named(value: str) -> Markup:
    """A name of the closed list, printed as it is."""
    if DIGIT.search(NAME.sub("", value)):
        raise SuiteDefect("this is no name of the closed list", found=value, possible="a fact with its source")
    return _passed(cell(value))


def _code(value: str) -> Markup:
    """A command as it is typed; its digits are names of the closed list."""
    if DIGIT.search(NAME.sub("", value)):
        raise SuiteDefect("a command has a number that is not in the closed list", found=value)
    return _passed(value)


def _finalize(value: object) -> object:
    """Let nothing with a digit into a document but what a filter has traced; a macro gives what it was let print."""
    if isinstance(value, Markup):
        return value
    text = str(value)
    if value is None or isinstance(value, Fact) or DIGIT.search(NAME.sub("", text)):
        raise SuiteDefect(
            "a template prints a value without its source", found=repr(value), possible="{{ fact | told }}"
        )
    return _passed(cell(text))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pytest_rawrxd.report", "templates/nine"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
        autoescape=True,  # of HTML nothing is left to do: what `finalize` lets through is escaped for Markdown
    )
    filters: dict[str, Callable[..., Any]] = {"told": _told, "name": _named, "code": _code}
    environment.filters |= filters
    return environment
