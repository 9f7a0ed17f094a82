"""The options, their environment and ini twins, and the one order in which they count."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_rawrxd.settings import OFF, OPTIONS, Setting, said, wanted

if TYPE_CHECKING:
    import pytest

DEFAULT_PROFILE = "embedded"


def add(parser: pytest.Parser) -> None:
    """Register every option with its ini twin; the environment twin needs no registration."""
    group = parser.getgroup("rawrxd", "acceptance of LLM inference engines")
    for option in OPTIONS.values():
        text = f"{option.help} (environment {option.variable}, ini {option.ini}; '{OFF}' switches it off)"
        group.addoption(option.flag, metavar=option.metavar, default=None, help=text)
        parser.addini(option.ini, help=option.help, type="string", default="")
    parser.addini("sla_acceptance", help="folders whose tests are acceptance tests", type="paths", default=[])


def setting(config: pytest.Config, name: str, environ: Mapping[str, str] = os.environ) -> Setting | None:
    """Command line, then environment, then ini; None when none of them says anything or the first says "none"."""
    return wanted(_said(config, name, environ))


def profile_setting(config: pytest.Config, environ: Mapping[str, str] = os.environ) -> Setting | None:
    """The active profile: the one that was named, or "embedded" for a session that collects acceptance tests."""
    named = _said(config, "profile", environ)
    if named is not None:
        return wanted(named)
    if not collects_acceptance(config):
        return None
    return Setting(DEFAULT_PROFILE, "default of an acceptance session without --sla-profile")


def active(config: pytest.Config) -> bool:
    return profile_setting(config) is not None


def collects_acceptance(config: pytest.Config) -> bool:
    """Whether an argument lies in, is, or holds one of the folders that ini ``sla_acceptance`` names."""
    folders = [Path(folder).resolve() for folder in config.getini("sla_acceptance")]
    for argument in config.args:
        path = (config.invocation_params.dir / argument.split("::")[0]).resolve()
        if any(path == folder or folder in path.parents or path in folder.parents for folder in folders):
            return True
    return False


def _said(config: pytest.Config, name: str, environ: Mapping[str, str]) -> Setting | None:
    option = OPTIONS[name]
    return said(
        option,
        line=config.getoption(option.flag),
        environment=environ.get(option.variable),
        ini=config.getini(option.ini),
    )
