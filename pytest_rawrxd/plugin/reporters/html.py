"""pytest-html: a column for each part of a verdict, and the sign-off sentence of each phase on top."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pytest

from pytest_rawrxd.plugin.told import told
from pytest_rawrxd.report.columns import COLUMNS
from pytest_rawrxd.report.plain import plain

if TYPE_CHECKING:
    from pytest_rawrxd.plugin.acceptance import Acceptance

BEHIND = 2  #: the columns stand behind result and test


class Html:
    """Implements pytest-html's hooks; registered only where a page was asked for."""

    def __init__(self, acceptance: Acceptance) -> None:
        self._acceptance = acceptance

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        cells[BEHIND:BEHIND] = [
            f'<th class="sortable" data-column-type="{name.lower()}">{name}</th>' for name in COLUMNS
        ]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        criteria = told(getattr(report, "user_properties", ()))
        cells[BEHIND:BEHIND] = [
            f'<td class="col-{name.lower()}">{"<br>".join(escape(plain(shown(each))) for each in criteria)}</td>'
            for name, shown in COLUMNS.items()
        ]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str], session: pytest.Session) -> None:
        self._acceptance.conclude(session)
        prefix.extend(f"<p>{escape(plain(line))}</p>" for line in self._acceptance.conclusion.state_lines())
