"""Hooks that other packages may implement to take part without touching this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_rawrxd.profile import Profile


@pytest.hookspec
def pytest_rawrxd_profile(config: pytest.Config, profile: Profile) -> None:
    """Called once when a profile is active, before collection.

    Raise UsageProblem to refuse the session::

        def pytest_rawrxd_profile(config, profile):
            if profile.kind == "acceptance" and not in_maintenance_window():
                raise UsageProblem("acceptance runs only in the maintenance window")
    """


@pytest.hookspec
def pytest_rawrxd_signoff(config: pytest.Config, run_dir: Path, verdicts: dict[str, Any]) -> None:
    """Called once by the controller after ``verdicts.json`` and the reports are written.

    Sends the verdict somewhere::

        def pytest_rawrxd_signoff(config, run_dir, verdicts):
            notify(run_dir, verdicts["state"])
    """


@pytest.hookspec
def pytest_rawrxd_verdict(config: pytest.Config, test: str, entry: dict[str, Any]) -> None:
    """Called in the process that ran ``test``, once for each criterion it claims; ``entry`` is as in verdicts.json.

    Follows a long run from outside::

        def pytest_rawrxd_verdict(config, test, entry):
            metrics.gauge(entry["id"], entry["verdict"] == "PASS")
    """
