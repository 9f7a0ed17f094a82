"""What Allure is told beside the results: categories, waivers as resolutions, metrics, where to write."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pytest_rawrxd.report import number
from pytest_rawrxd.report.allure.results import PHASE_VERDICT, case_of, is_metric
from pytest_rawrxd.report.allure.wording import phase_title
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.verdict.outcome import Verdict

PLUGIN = "awesome"
#: A category a verdict that keeps a phase from approval, in the order of their weight.
CATEGORIES = {
    Verdict.FAIL: "FAIL: the promise is broken",
    Verdict.INVALID: "INVALID: the evidence cannot be used",
    Verdict.INCONCLUSIVE: "INCONCLUSIVE: the interval decides neither way",
    Verdict.NOT_MEASURED: "NOT MEASURED: no evidence",
    Verdict.WAIVED: "WAIVED: excused until a date",
}
BETTER = {"<=": "lower", ">=": "higher"}


def settings(view: RunView, *, output: Path, history: Path) -> dict[str, Any]:
    """Return the content of ``allurerc.json`` for one page at ``output``; ``history`` is a file of earlier runs."""
    return {
        "name": report_name(view),
        "output": str(output),
        "historyPath": str(history),
        # The earlier runs are read from their own verdicts each time; Allure keeps no memory of its own.
        "appendHistory": False,
        "categories": {"rules": _categories()},
        "resolutions": {"rules": _resolutions(view), "knownIssuesPath": str(output.parent / "known-issues.json")},
        "performance": _performance(view),
        "plugins": {
            PLUGIN: {
                "options": {
                    "reportName": report_name(view),
                    "singleFile": True,
                    "reportLanguage": "en",
                    "groupBy": ["epic", "feature"],
                    "sections": [],
                    "charts": [],  # shares of passed tests, which decide nothing
                    "defaultSortBy": "order,asc",
                }
            }
        },
    }


def report_name(view: RunView) -> str:
    """The run and the state of each phase that it measured: the verdict stands over every view of the report."""
    measured = [phase for phase in view.phases if any(each.evidence for each in phase.criteria)] or view.phases
    return plain(f"{view.verdicts['run']['id']} – {'; '.join(map(phase_title, measured))}")


def _categories() -> list[dict[str, Any]]:
    grouped = {"groupBy": [{"label": "requirement"}], "groupByMessage": False}
    rules = [
        {"name": name, "matchers": [{"labels": {"verdict": f"^{verdict}$"}}], **grouped}
        for verdict, name in CATEGORIES.items()
    ]
    phases = {"name": "Phases that are not approved", "matchers": [{"labels": {"feature": f"^{PHASE_VERDICT}$"}}]}
    return [phases, *rules]


def _resolutions(view: RunView) -> list[dict[str, Any]]:
    return [
        {"resolution": "accepted", "testCaseId": [case_id(judged.id)], "comment": _waiver(judged)}
        for judged in view.criteria
        if judged.verdict is Verdict.WAIVED
    ]


def case_id(identifier: str) -> str:
    """The id that Allure derives for the test of a criterion."""
    return hashlib.md5(case_of(identifier).encode(), usedforsecurity=False).hexdigest()


def _waiver(judged: Judged) -> str:
    said = judged.waiver or {}
    return plain(
        f"{said['waives']} waived until {said['expiry']} by {said['owner']} ({said['ticket']}): {said['reason']}. "
        f"Compensating measure: {said['compensating_measure']}"
    )


def _performance(view: RunView) -> dict[str, Any]:
    measured = [each for each in view.criteria if is_metric(each)]
    return {
        "groups": {f"phase{phase.number}": {"title": phase.title} for phase in view.phases},
        "metrics": {
            each.id: {
                "title": plain(f"{each.id}: {each.title}, required {each.required}"),
                "unit": number.SPELLED.get(each.unit, each.unit),
                "group": f"phase{each.phase}",
                **({"better": BETTER[each.direction]} if each.direction in BETTER else {}),
            }
            for each in measured
        },
    }
