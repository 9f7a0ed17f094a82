"""Allure results: bound, measured value and verdict of each criterion on its test, and one last test a phase."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import allure_commons
import pytest
from allure_commons.model2 import Label, Parameter, StatusDetails, TestResult
from allure_commons.types import AttachmentType, LabelType

from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.plugin.told import sentence, told
from pytest_rawrxd.report.allure.wording import NO_VERDICT, labels, phase_status, phase_title, table, title
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.verdict.outcome import Verdict

if TYPE_CHECKING:
    from pytest_rawrxd.plugin.acceptance import Acceptance

SUITE = "rawrxd"


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
            for name, value in labels(criteria):
                hook.add_label(label_type=name, labels=[value])
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
        view = self._acceptance.conclusion.view
        if view is None:
            return
        for phase in view.phases:
            self._add(
                (f"{SUITE}.phases#phase{phase.number}", ""),
                phase_title(phase),
                phase_status(phase),
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
                labels=[
                    *starmap(Label, labels(criteria)),
                    Label(LabelType.SUITE, suite),
                    Label(LabelType.FRAMEWORK, "pytest"),
                ],
                start=at,
                stop=at,
            )
        )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
