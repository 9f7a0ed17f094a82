"""What pytest's configuration file says of our settings, for the command, which does not know pytest."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pytest_rawrxd.errors import UsageProblem

Table = Mapping[str, Any]
OLDER = "ini_options"


def ini_options(folder: Path) -> Table:
    """The options of the file that pytest, started in ``folder``, takes its configuration from; none without one.

    Raises UsageProblem for a file that cannot be read as what it is.
    """
    for place in (folder, *folder.parents):
        for name, read in READERS.items():
            path = place / name
            if not path.is_file():
                continue
            try:
                found = read(path)
            except (OSError, ValueError, configparser.Error) as error:
                raise UsageProblem(
                    "pytest's configuration cannot be read",
                    where=str(path),
                    found=str(error),
                    possible="what pytest itself can read",
                ) from error
            if found is not None:
                return found
    return {}


def _own_toml(path: Path) -> Table:
    return _table(tomllib.loads(path.read_text(encoding="utf-8")), "pytest")


def _pyproject(path: Path) -> Table | None:
    """``[tool.pytest]``, or the older ``ini_options`` below it; pytest refuses a file with both."""
    table = _table(_table(tomllib.loads(path.read_text(encoding="utf-8")), "tool"), "pytest")
    own = {name: value for name, value in table.items() if name != OLDER}
    return own or (_table(table, OLDER) if OLDER in table else None)


def _table(parent: Table, name: str) -> Table:
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def _ini(section: str, *, always: bool = False) -> Callable[[Path], Table | None]:
    def read(path: Path) -> Table | None:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.read_string(path.read_text(encoding="utf-8"), str(path))
        if parser.has_section(section):
            return dict(parser[section])
        return {} if always else None

    return read


#: In pytest's order. A file that bears pytest's name is the configuration also where it says nothing.
READERS: Mapping[str, Callable[[Path], Table | None]] = MappingProxyType(
    {
        "pytest.toml": _own_toml,
        ".pytest.toml": _own_toml,
        "pytest.ini": _ini("pytest", always=True),
        ".pytest.ini": _ini("pytest", always=True),
        "pyproject.toml": _pyproject,
        "tox.ini": _ini("pytest"),
        "setup.cfg": _ini("tool:pytest"),
    }
)
