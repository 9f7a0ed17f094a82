"""Allure results: bound, measured value and verdict of each criterion on its test, and one last test a phase."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import allure_commons
import pytest
from allure_commons.model2 import Label, Parameter, StatusDetails, TestResult
from allure_commons.types import AttachmentType, LabelType

from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.plugin.reporters.html import COLUMNS
from pytest_rawrxd.plugin.told import sentence, told
from pytest_rawrxd.report.explain import explain
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.verdict.outcome import State, Verdict

if TYPE_CHECKING:
    from pytest_rawrxd.plugin.acceptance import Acceptance

SUITE = "rawrxd"
AREAS = {"TPS": "throughput", "LAT": "latency", "VRAM": "memory", "SOAK": "stability", "BW": "bandwidth"}
BROKEN_PROMISE, NO_VERDICT = "failed", "broken"


class Allure:
    """Tells Allure the verdicts, in the process that runs a test; the controller adds crashes and phases."""

    def __init__(self, acceptance: Acceptance) -> None:
        self._acceptance = acceptance

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """While the test is open in Allure's listener, and after its verdicts are known."""
        report = yield
        if call.when == "call" or (call.when == "setup" and call.excinfo is not None):
            criteria = told(item.user_properties)
            hook = allure_commons.plugin_manager.hook
            if criteria:
                hook.add_title(test_title=title(item.name, criteria))
                hook.add_description_html(test_description_html=table(criteria))
            for label in labels(criteria):
                hook.add_label(label_type=label.name, labels=[label.value])
            for judged in criteria:
                # Excluded: a measured value in a test's identity would make every run a test of its own.
                hook.add_parameter(name=judged.id, value=plain(sentence(judged)), excluded=True, mode=None)
        return report

    def crashed(self, report: pytest.TestReport) -> None:
        """The test in which a worker died: its own Allure died with it."""
        path, _, name = report.nodeid.partition("::")
        criteria = told(report.user_properties)
        full = f"{path.removesuffix('.py').replace('/', '.')}#{name.split('[')[0]}"
        self._add((full, name), title(name, criteria), NO_VERDICT, report.longreprtext, criteria)

    def pytest_rawrxd_signoff(self, run_dir: Path) -> None:
        """One test a phase and the pages as attachments; written by the controller, when the verdicts are final."""
        view = self._acceptance.view
        if view is None:
            return
        for phase in view.phases:
            approved = phase.state in {State.APPROVED, State.APPROVED_WITH_WAIVERS}
            rejected = phase.state is State.REJECTED
            status = "passed" if approved else BROKEN_PROMISE if rejected else NO_VERDICT
            if phase.rehearsal:
                status = (
                    BROKEN_PROMISE if rejected else "skipped"
                )  # never a green phase that could be taken for a sign-off
            self._add(
                (f"{SUITE}.phases#phase{phase.number}", ""),
                f"Phase {phase.number}: {'REHEARSAL ' if phase.rehearsal else ''}{phase.said}",
                status,
                plain(phase.sentence),
                phase.criteria,
            )
        for page in sorted(run_dir.glob("signoff-phase*.html")):
            allure_commons.plugin_manager.hook.global_attach_file(
                source=str(page), name=page.name, attachment_type=AttachmentType.HTML, extension="html"
            )
        self._categories(Path(self._acceptance.config.option.allure_report_dir))

    def _categories(self, folder: Path) -> None:
        names = (Verdict.INCONCLUSIVE, Verdict.INVALID, Verdict.NOT_MEASURED)
        found = [{"name": "promise broken", "matchedStatuses": ["failed"]}]
        found += [{"name": str(verdict), "messageRegex": f"(?s).*{verdict}:.*"} for verdict in names]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "categories.json").write_text(json.dumps(found, indent=1), encoding="utf-8")

    def _add(self, test: tuple[str, str], name: str, status: str, message: str, criteria: Sequence[Judged]) -> None:
        """A result of our own: ``test`` is its full name and what tells it from its siblings."""
        full, case = test
        at = int(SYSTEM.wall().timestamp() * 1000)
        suite = full.partition("#")[0]
        allure_commons.plugin_manager.hook.report_result(
            result=TestResult(
                uuid=str(uuid.uuid4()),
                name=name,
                fullName=full,
                testCaseId=_digest(full),
                historyId=_digest(full, case),
                status=status,
                statusDetails=StatusDetails(message=message),
                descriptionHtml=table(criteria),
                parameters=[Parameter(name=each.id, value=plain(sentence(each)), excluded=True) for each in criteria],
                labels=[*labels(criteria), Label(LabelType.SUITE, suite), Label(LabelType.FRAMEWORK, "pytest")],
                start=at,
                stop=at,
            )
        )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def title(name: str, criteria: Sequence[Judged]) -> str:
    """The test's name with what was measured and required at its end."""
    parts = [plain(f"{each.id} {' '.join(filter(None, each.measured))}, required {each.required}") for each in criteria]
    return f"{name}: {'; '.join(parts)}" if parts else name


def labels(criteria: Sequence[Judged]) -> list[Label]:
    """Epic the phase, feature the area, requirement the criterion: each once."""
    pairs = [(LabelType.EPIC, f"phase {each.phase}") for each in criteria]
    pairs += [(LabelType.FEATURE, area(each.id)) for each in criteria]
    pairs += [("requirement", each.id) for each in criteria]
    return [Label(name, value) for name, value in dict.fromkeys(pairs)]


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
