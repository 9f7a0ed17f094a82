"""A criterion as the nine documents print it: what is promised, what was measured, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.nine.fact import CARD, Fact, fact
from pytest_rawrxd.verdict.outcome import Verdict


@dataclass(frozen=True)
class Line:
    """One criterion as a document prints it."""

    id: str
    phase: int
    metric: str
    informative: bool
    verdict: str
    title: Fact
    required: Fact
    measured: Fact
    reason: Fact


def criterion_line(view: RunView, judged: Judged) -> Line:
    """Return ``judged`` as a line of facts."""
    return Line(
        judged.id,
        judged.phase,
        view.metric(judged.id),
        judged.informative,
        str(judged.verdict),
        fact(f"criterion/{judged.id}/title", judged.title, [judged.bound_at]),
        fact(f"criterion/{judged.id}/required", judged.required, [judged.bound_at]),
        _measured(judged),
        fact(f"criterion/{judged.id}/reason", judged.reason or None, judged.evidence or (CARD,), why="no reason"),
    )


def _measured(judged: Judged) -> Fact:
    """The value with its interval; where there is none, what was found instead, or why nothing was."""
    key = f"criterion/{judged.id}/measured"
    if judged.verdict is Verdict.NOT_APPLICABLE:
        return fact(key, None, [judged.bound_at], why=judged.reason, applies=False)
    if judged.estimate is None and judged.evidence and judged.verdict is not Verdict.NOT_MEASURED:
        return fact(key, f"no value: {judged.reason}", judged.evidence)
    said, between = judged.measured
    return fact(key, f"{said} {between}".strip(), judged.evidence, why=judged.reason)
