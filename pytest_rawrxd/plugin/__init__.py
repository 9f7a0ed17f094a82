"""The door: how pytest sees the house. Nothing heavy is imported until a profile is active."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_rawrxd.plugin import options

if TYPE_CHECKING:
    import pytest

MARKERS = (
    "phase1: performance optimisation (roadmap phase 1)",
    "phase2: production hardening (roadmap phase 2), with load, faults and monitoring",
    "phase3: documentation and release (roadmap phase 3)",
    "soak: needs the 48 h soak",
    "faults: makes the engine fail, and hang, and lose its device",
    "monitoring: runs the alerts against a server that is made slow, frozen and killed",
    "sla(id, ...): the criteria of the profile that the test decides",
)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    from pytest_rawrxd.plugin import hookspecs  # noqa: PLC0415  # beside the options so that both exist before any profile

    pluginmanager.add_hookspecs(hookspecs)
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if options.active(config):
        from pytest_rawrxd.plugin.activation import activate  # noqa: PLC0415  # costs nothing when unused

        activate(config)
