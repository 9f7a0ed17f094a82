"""The settings that pytest and the ``rawrxd`` command share, their three sources, and the order in which they count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

OFF = "none"  #: said at one level, it silences the levels below


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
            "the engine to test: llama-cpp-python, llama-server[#servers=N][:PATH], openai:URL[,URL], "
            "ollama:URL#model=NAME, rawrxd:URL, or scripted:NAME for a demonstration",
        ),
        Option(
            "load-hosts",
            "tls://ADDRESS:PORT#workers=N&keys=DIR",
            "load a running server from N hosts, each of which runs `rawrxd load worker`",
        ),
    )
}


def said(option: Option, *, line: object, environment: object, ini: object) -> Setting | None:
    """What the nearest source says: command line, then environment, then ini; None where none says anything.

    The value of the result may be ``OFF``.
    """
    sources: Iterable[tuple[object, str]] = (
        (line, option.flag),
        (environment, f"environment {option.variable}"),
        (ini, f"ini option {option.ini}"),
    )
    return next((Setting(str(value), source) for value, source in sources if value), None)


def wanted(found: Setting | None) -> Setting | None:
    """``found`` unless it switches the option off."""
    return None if found is None or found.value == OFF else found
