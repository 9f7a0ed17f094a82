"""A comparison as text and as rows of a page: what differs, what was measured, and why it decides nothing here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_rawrxd.report import number
from pytest_rawrxd.report.plain import plain

FIRST = ("variant", "model", "tokens", "streams")  #: conditions in the order a person reads them
SECONDARY = "Secondary information: a comparison decides no criterion."


@dataclass(frozen=True)
class ComparedRow:
    """One metric of both sides, in words."""

    what: str
    baseline: str
    candidate: str
    verdict: str
    reason: str
    next: str | None
    mismatches: tuple[str, ...]


def rows(comparison: Mapping[str, Any]) -> tuple[ComparedRow, ...]:
    """The rows of one entry of ``comparisons``."""
    return tuple(
        ComparedRow(
            what=f"{row['metric']}{_where(row['where'])}",
            baseline=_side(row["baseline"], row["unit"]),
            candidate=_side(row["candidate"], row["unit"]),
            verdict=row["verdict"],
            reason=row["reason"],
            next=row["next"],
            mismatches=tuple(row["mismatches"]),
        )
        for row in comparison["rows"]
    )


def comparison_text(comparison: Mapping[str, Any]) -> str:
    """Return one entry of ``comparisons`` for the terminal."""
    return "\n".join(plain(line) for line in _lines(comparison))


def _lines(comparison: Mapping[str, Any]) -> Iterator[str]:
    yield f"{comparison['candidate']} against {comparison['baseline']}"
    yield SECONDARY
    for name, title in (("subject", "compared"), ("differences", "differs")):
        for line in comparison[name]:
            yield f"{title}: {line}"
    told: dict[str, int] = {}
    for row in rows(comparison):
        yield f"{row.what}: {row.baseline} -> {row.candidate}"
        yield f"  {row.verdict}: {row.reason}"
        if row.next:
            yield f"  next: {row.next}"
        if row.mismatches:
            yield f"  definition: {', '.join(str(told.setdefault(each, len(told) + 1)) for each in row.mismatches)}"
    for mismatch, at in told.items():
        yield f"  [{at}] {mismatch}"


def _where(where: Mapping[str, Any]) -> str:
    keys = sorted(where, key=lambda key: (FIRST.index(key) if key in FIRST else len(FIRST), key))
    return f" ({', '.join(f'{key} {where[key]}' for key in keys)})" if keys else ""


def _side(side: Mapping[str, Any] | None, unit: str) -> str:
    if side is None:
        return number.ABSENT
    return f"{number.number(side['mean'], unit)}, n {side['n']}"
