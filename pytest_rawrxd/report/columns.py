"""The columns that a table of criteria has wherever another program shows it."""

from __future__ import annotations

from collections.abc import Callable

from pytest_rawrxd.report.judged import Judged

COLUMNS: dict[str, Callable[[Judged], str]] = {
    "Requirement": lambda judged: judged.id,
    "Measured": lambda judged: judged.measured[0],
    "Interval": lambda judged: judged.measured[1],
    "Bound": lambda judged: judged.required,
    "Margin": lambda judged: judged.margin,
    "Verdict": lambda judged: str(judged.verdict),
}
