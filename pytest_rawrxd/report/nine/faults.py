"""A kind of fault as the nine documents print it: what happened by itself, how long it took, what a person does."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_rawrxd.measure.faults.window import DRILL, WINDOW
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.faults import procedures
from pytest_rawrxd.report.nine.fact import Fact, fact, value
from pytest_rawrxd.verdict.fault_window import read_injection


@dataclass(frozen=True)
class FaultLine:
    """One kind of fault: what happened and what to do."""

    kind: str
    title: str
    action: str
    by_itself: Fact
    times: tuple[tuple[str, Fact], ...]


def fault_lines(view: RunView) -> tuple[FaultLine, ...]:
    """Return every kind of fault that was injected or drilled."""
    found = [read_injection(r, view.load_raw(r.data["raw"]), view.profile.recovered) for r in view.of(WINDOW)]
    lines = []
    for each in procedures(view.of(DRILL), found):
        ids = [r.id for r in (*view.of(WINDOW), *view.of(DRILL)) if r.data["kind"] == each.kind]
        times = tuple(
            (said, value(f"fault/{each.kind}/{said.replace(' ', '-')}", seconds, ids, unit="s"))
            for said, seconds in each.times
            if seconds is not None
        )
        by_itself = fact(f"fault/{each.kind}/by-itself", each.by_itself, ids)
        lines.append(FaultLine(each.kind, each.title, each.action, by_itself, times))
    return tuple(lines)
