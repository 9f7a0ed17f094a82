"""What is taken from another tool's file: figures in our units, with what their definition does not share with ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem

Document = Mapping[str, Any]


@dataclass(frozen=True)
class ForeignFigure:
    """One number, or the repetitions of one, that another tool reports."""

    metric: str  #: ours where the definition is near enough to stand beside it, else the tool's own name
    name: str  #: the tool's name of it
    unit: str
    values: tuple[float, ...]
    where: Mapping[str, str | int]
    mismatches: tuple[str, ...]  #: each difference of definition, in a sentence


@dataclass(frozen=True)
class ForeignResult:
    """A result file: who wrote it, its name and digest, its figures."""

    tool: str
    file: str
    sha256: str
    figures: tuple[ForeignFigure, ...]


@dataclass(frozen=True)
class Reader:
    """How one tool's files are recognised and read."""

    tool: str
    made_by: str  #: the command that writes such a file
    wrote: Callable[[Document], bool]
    read: Callable[[Document, int], Iterator[ForeignFigure]]  #: also gets the number of the document in its file


def has(document: Document, *keys: str) -> bool:
    """Whether all ``keys`` are there."""
    return all(key in document for key in keys)


def table(document: Document, *path: str) -> Document:
    """The object at ``path``; EvidenceProblem where something else is."""
    value: Any = document
    for depth, key in enumerate(path, 1):
        value = value.get(key) if isinstance(value, Mapping) else None
        if not isinstance(value, Mapping):
            raise EvidenceProblem("a result lacks an object", where=".".join(path[:depth]), found=_said(value))
    return dict(value)


def positive(document: Document, key: str, *, where: str = "") -> float:
    """The number at ``key``, more than zero; EvidenceProblem for anything else: a zero there was not measured."""
    found = number(document, key, where=where)
    if found <= 0:
        at = _at(where, key)
        raise EvidenceProblem("a figure that cannot be", where=at, found=str(found), possible="more than 0")
    return found


def number(document: Document, key: str, *, where: str = "") -> float:
    """The finite number at ``key``; EvidenceProblem for anything else."""
    value = document.get(key)
    found = finite(value)
    if found is None:
        raise EvidenceProblem("a figure is not a number", where=_at(where, key), found=_said(value))
    return found


def finite(value: object) -> float | None:
    """``value`` as a float; None where it is no number, or one that a float cannot hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def whole(document: Document, key: str, *, where: str = "") -> int:
    """The count at ``key``, zero or more; EvidenceProblem for anything else."""
    found = number(document, key, where=where)
    if found < 0 or not found.is_integer():
        raise EvidenceProblem("a count is not a whole number", where=_at(where, key), found=str(found))
    return int(found)


def _at(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _start(value: object) -> str:
    """The beginning of a value; of a huge number, that it is one: Python writes none out."""
    try:
        return str(value)[:40]
    except ValueError:
        return "of thousands of digits"


def _said(value: object) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {_start(value)!r}"
