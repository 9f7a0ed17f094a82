"""The formats that other programs write. Each is told the same verdicts, and only this folder knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pytest_rawrxd.plugin.acceptance import Acceptance


def register(config: pytest.Config, acceptance: Acceptance) -> None:
    """Register a reporter for each format that is asked for; without one nothing of it is imported."""
    manager = config.pluginmanager
    allure = None
    if config.getoption("htmlpath", default=None):
        from pytest_rawrxd.plugin.reporters.html import Html  # noqa: PLC0415 - see above

        manager.register(Html(acceptance), "rawrxd-html")
    if config.getoption("allure_report_dir", default=None):
        from pytest_rawrxd.plugin.reporters.allure import Allure  # noqa: PLC0415 - see above

        allure = Allure(acceptance)
        manager.register(allure, "rawrxd-allure")
    if manager.hasplugin("xdist") and acceptance.seed is None:
        from pytest_rawrxd.plugin.reporters.crash import Crashes  # noqa: PLC0415 - see above

        manager.register(Crashes(acceptance, [allure.crashed] if allure else []), "rawrxd-crashes")
