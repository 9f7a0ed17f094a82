"""How a criterion and a phase read as tests of Allure: title, status, labels and table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from pytest_rawrxd.report.columns import COLUMNS
from pytest_rawrxd.report.dossier import Phase
from pytest_rawrxd.report.explain import explain
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.verdict.outcome import State, Verdict

AREAS = {"TPS": "throughput", "LAT": "latency", "VRAM": "memory", "SOAK": "stability", "BW": "bandwidth"}
BROKEN_PROMISE, NO_VERDICT, KEPT, LEFT_OUT = "failed", "broken", "passed", "skipped"
STATUS = {
    Verdict.PASS: KEPT,
    Verdict.FAIL: BROKEN_PROMISE,
    Verdict.NOT_APPLICABLE: LEFT_OUT,
}


def title(name: str, criteria: Sequence[Judged]) -> str:
    """The test's name with what was measured and required at its end."""
    parts = [plain(f"{each.id} {' '.join(filter(None, each.measured))}, required {each.required}") for each in criteria]
    return f"{name}: {'; '.join(parts)}" if parts else name


def labels(criteria: Sequence[Judged]) -> list[tuple[str, str]]:
    """Epic the phase, feature the area, requirement the criterion: each once."""
    pairs = [("epic", f"phase {each.phase}") for each in criteria]
    pairs += [("feature", area(each.id)) for each in criteria]
    pairs += [("requirement", each.id) for each in criteria]
    return list(dict.fromkeys(pairs))


def area(identifier: str) -> str:
    """``throughput`` of ``P1-TPS-Q4_K``; the id's own word where there is no other."""
    word = identifier.split("-")[1]
    return AREAS.get(word, word.lower())


def table(criteria: Sequence[Judged]) -> str:
    """The criteria as HTML, with the sentences of each below it."""
    head = "".join(f"<th>{name}</th>" for name in COLUMNS)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(plain(shown(each)))}</td>' for shown in COLUMNS.values())}</tr>"
        f'<tr><td colspan="{len(COLUMNS)}">{"<br>".join(map(escape, explain(each)))}</td></tr>'
        for each in criteria
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def criterion_status(judged: Judged) -> str:
    """Allure's word for a verdict. What is waived keeps the colour it had; what decides nothing is never red."""
    verdict = judged.verdict
    if verdict is Verdict.WAIVED and judged.waiver is not None:
        verdict = Verdict(judged.waiver["waives"])
    status = STATUS.get(verdict, NO_VERDICT)
    return LEFT_OUT if judged.informative and status != KEPT else status


def phase_status(phase: Phase) -> str:
    """Allure's word for the state of a phase: never green for one that could be taken for a sign-off."""
    if phase.state is State.REJECTED:
        return BROKEN_PROMISE
    if phase.rehearsal:
        return LEFT_OUT
    return KEPT if phase.state in {State.APPROVED, State.APPROVED_WITH_WAIVERS} else NO_VERDICT


def phase_title(phase: Phase) -> str:
    """``Phase 1: REHEARSAL INCOMPLETE``."""
    return f"Phase {phase.number}: {'REHEARSAL ' if phase.rehearsal else ''}{phase.said}"
