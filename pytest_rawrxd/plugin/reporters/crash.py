"""A worker that dies in a test: a failed test like any other, in every format, with the verdicts of its criteria."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from pytest_rawrxd.plugin.told import attach

if TYPE_CHECKING:
    from pytest_rawrxd.plugin.acceptance import Acceptance

Listener = Callable[[pytest.TestReport], None]


class Crashes:
    """Registered in the controller of workers. xdist reports a crash at no stage of a test, which reporters drop."""

    def __init__(self, acceptance: Acceptance, listeners: Sequence[Listener]) -> None:
        self._acceptance = acceptance
        self._listeners = listeners
        self._crashed: set[str] = set()

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport) -> None:
        report.when = "call"
        self._crashed.add(crashitem)
        for entry in self._acceptance.decisions.dead(crashitem):
            attach(report.user_properties, entry)
        for listener in self._listeners:
            listener(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, object, object]:
        """After every reporter has seen the crash: the teardown that closes the test for them."""
        result = yield
        if report.nodeid in self._crashed:
            self._crashed.discard(report.nodeid)
            end: Any = pytest.TestReport(report.nodeid, report.location, {}, "passed", None, "teardown")
            end.user_properties = report.user_properties
            end.node = getattr(report, "node", None)
            self._acceptance.config.hook.pytest_runtest_logreport(report=end)
        return result
