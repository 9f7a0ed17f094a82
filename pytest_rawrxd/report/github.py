"""A run for GitHub Actions: the job summary as Markdown, and an annotation for every criterion that is not met."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_rawrxd.report.dossier import Phase, RunView
from pytest_rawrxd.report.explain import explain
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.report.sign import SIGNS
from pytest_rawrxd.verdict.outcome import Verdict

MET = frozenset({Verdict.PASS, Verdict.WAIVED, Verdict.NOT_APPLICABLE})
#: Of GitHub's levels; a criterion that decides nothing is a notice.
LEVELS = {Verdict.FAIL: "error", Verdict.INVALID: "error"}
#: Characters with a meaning in a Markdown table or in the HTML that GitHub lets through.
MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\|`*_[]<>"})
#: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands: what a command's value escapes,
#: and what its properties escape beyond that.
VALUE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTY = {**VALUE, ":": "%3A", ",": "%2C"}


def job_summary(view: RunView) -> str:
    """Return the job summary: the state of each phase and a table of its measured criteria."""
    parts = [f"## {_cell(view.verdicts['run']['id'])}\n"]
    for phase in view.phases:
        parts.append(f"### {phase.title}\n\n**{_cell(phase.sentence)}**\n")
        if phase.rehearsal:
            parts.append("> REHEARSAL: this can never be signed as accepted.\n")
        rows = [_row(each) for each in phase.criteria if each.evidence]
        if rows:
            head = "| | criterion | measured | interval | bound | margin | verdict |\n|---|---|---|---|---|---|---|"
            parts.append("\n".join([head, *rows]) + "\n")
    return "\n".join(parts)


def workflow_commands(view: RunView) -> str:
    """Return a workflow command for each criterion that its phase was measured for and that is not met."""
    lines = [line for phase in view.phases for line in _commands(phase)]
    return "\n".join(lines) + "\n" if lines else ""


def step_outputs(view: RunView) -> str:
    """Return what a later job decides by: whether nothing in the run can be signed as accepted."""
    return f"rehearsal={str(view.rehearsal).lower()}\n"


def _commands(phase: Phase) -> Iterator[str]:
    if not any(each.evidence for each in phase.criteria):
        return  # the run was not about this phase
    for each in phase.criteria:
        if each.verdict not in MET:
            level = "notice" if each.informative else LEVELS.get(each.verdict, "warning")
            title = _escaped(f"{each.id} {each.verdict}", PROPERTY)
            yield f"::{level} title={title}::{_escaped(chr(10).join(explain(each)), VALUE)}"


def _row(judged: Judged) -> str:
    value, between = judged.measured
    cells = (judged.id, value, between, judged.required, judged.margin, judged.verdict)
    return f"| {' | '.join([SIGNS[judged.verdict].symbol, *map(_cell, cells)])} |"


def _cell(text: object) -> str:
    return plain(text).translate(MARKDOWN)


def _escaped(text: str, rules: dict[str, str]) -> str:
    return "".join(rules.get(character, character) for character in text)
