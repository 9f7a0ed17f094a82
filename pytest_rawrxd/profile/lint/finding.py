"""One thing that a profile's numbers say about themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is, worst first."""

    IMPOSSIBLE = "impossible"
    DOES_NOT_FIT = "does not fit"
    CONTRADICTORY = "contradictory"
    SMALL_SAMPLE = "too small sample"
    SHORT_RUN = "too short run"
    NOTE = "note"


@dataclass(frozen=True)
class LintFinding:
    """A sentence with its arithmetic, the criteria it concerns, and where the first one's bound stands."""

    severity: Severity
    criteria: tuple[str, ...]
    sentence: str
    at: str

    def __str__(self) -> str:
        return f"{self.severity}: {', '.join(self.criteria)}: {self.sentence} ({self.at})"


def render(findings: Iterable[LintFinding]) -> str:
    """The findings, one line each."""
    return "\n".join(map(str, findings))


def number(value: float, digits: int = 3) -> str:
    """``value`` as a sentence prints it: ``digits`` significant digits, and the whole part with its thousands."""
    return f"{value:,.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:.{digits}g}"
