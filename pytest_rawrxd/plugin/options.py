"""The options, their environment and ini twins, and the one order in which they count."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

OFF = "none"  #: said at one level, it silences the levels below
DEFAULT_PROFILE = "embedded"


@dataclass(frozen=True)
class Option:
    """One setting with three sources. Unset, set, and set to "none" are three different things."""

    name: str
    metavar: str
    help: str

    @property
    def flag(self) -> str:
        return f"--sla-{self.name}"

    @property
    def ini(self) -> str:
        return f"sla_{self.name.replace('-', '_')}"

    @property
    def variable(self) -> str:
        return f"RAWRXD_{self.ini.upper()}"


@dataclass(frozen=True)
class Setting:
    """A resolved option and the place it came from, for messages."""

    value: str
    source: str


OPTIONS = {
    option.name: option
    for option in (
        Option("profile", "NAME|PATH", "the promises to test: a profile's name or a TOML file"),
        Option("models", "DIR", "folder with the .gguf files to test"),
        Option("run-dir", "DIR", "where evidence is kept; an existing one of the same identity is continued"),
        Option("resume", "RUN_DIR", "go on with the soak that an earlier session left in this run directory"),
        Option("baseline", "RUN_DIR", "an earlier run to show this one beside; it decides no criterion"),
        Option(
            "engine",
            "SPEC",
            "the engine to test: llama-cpp-python, llama-server[:PATH], openai:URL, ollama:URL#model=NAME, rawrxd:URL, "
            "or scripted:NAME for a demonstration",
        ),
        Option(
            "load-hosts",
            "tls://ADDRESS:PORT#workers=N&keys=DIR",
            "load a running server from N hosts, each of which runs `rawrxd load worker`",
        ),
    )
}


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
    option = OPTIONS[name]
    sources = (
        (config.getoption(option.flag), option.flag),
        (environ.get(option.variable), option.variable),
        (config.getini(option.ini), f"ini option {option.ini}"),
    )
    for value, source in sources:
        if value:
            return None if value == OFF else Setting(str(value), source)
    return None


def profile_setting(config: pytest.Config, environ: Mapping[str, str] = os.environ) -> Setting | None:
    """The active profile: the one that was named, or "embedded" for a session that collects acceptance tests."""
    named = setting(config, "profile", environ)
    if named is not None:
        return named
    if _silenced(config, environ) or not collects_acceptance(config):
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


def _silenced(config: pytest.Config, environ: Mapping[str, str]) -> bool:
    option = OPTIONS["profile"]
    values = (config.getoption(option.flag), environ.get(option.variable), config.getini(option.ini))
    return next((value for value in values if value), None) == OFF
