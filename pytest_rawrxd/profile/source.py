"""One profile file: found by name, read, and every key's line known."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_rawrxd import places
from pytest_rawrxd.errors import ProfileProblem
from pytest_rawrxd.profile import locate
from pytest_rawrxd.profile.parse import MAX_FILE, parse
from pytest_rawrxd.profile.suggest import nearest


@dataclass(frozen=True)
class Source:
    """A file as it was read. ``shown`` is its path as reports print it."""

    path: Path
    shown: str
    data: dict[str, Any]
    lines: dict[locate.Path, int]

    @property
    def name(self) -> str:
        return self.path.stem


def search_folders() -> tuple[Path, ...]:
    """Where a profile name is looked up: the working directory's fixtures first, then the package's."""
    return (Path("fixtures") / "profiles", places.package_data("fixtures") / "profiles")


def find(name_or_path: str, folders: Sequence[Path]) -> Path:
    """The file that ``name_or_path`` means; raises ProfileProblem naming the nearest profile there is."""
    if name_or_path.endswith(".toml") or "/" in name_or_path or "\\" in name_or_path:
        path = Path(name_or_path)
        if path.is_file():
            return path
        raise ProfileProblem(
            f"there is no profile file {name_or_path}",
            found="a folder" if path.is_dir() else "nothing",
            possible="a path to a .toml file, or the name of a profile",
        )
    for folder in folders:
        path = folder / f"{name_or_path}.toml"
        if path.is_file():
            return path
    names = sorted({path.stem for folder in folders if folder.is_dir() for path in folder.glob("*.toml")})
    raise ProfileProblem(
        f"there is no profile named {name_or_path!r}",
        found=f"no {name_or_path}.toml in {', '.join(dict.fromkeys(map(places.shown, folders)))}",
        possible=f"{nearest(name_or_path, names)}; or a path to a .toml file",
    )


def read(path: Path) -> Source:
    """The file at ``path``; raises ProfileProblem where it cannot be read, is no TOML, or gives a key twice."""
    shown = places.shown(path)
    try:
        if path.stat().st_size > MAX_FILE:
            raise ProfileProblem(
                "the profile is too large",
                where=shown,
                found=f"{path.stat().st_size} bytes",
                possible=f"at most {MAX_FILE} bytes",
            )
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as trouble:
        raise ProfileProblem(
            "the profile cannot be read", where=shown, found=trouble.strerror, possible="a readable file"
        ) from trouble
    except UnicodeDecodeError as trouble:
        line = trouble.object[: trouble.start].count(b"\n") + 1
        raise ProfileProblem(
            "the profile is not UTF-8",
            where=f"{shown}:{line}",
            found=f"byte 0x{trouble.object[trouble.start]:02x}",
            possible="a file saved as UTF-8",
        ) from trouble
    try:
        data = parse(text)
    except tomllib.TOMLDecodeError as trouble:
        raise _syntax_problem(text, shown, str(trouble)) from trouble
    return Source(path, shown, data, locate.locate(text).lines)


def _syntax_problem(text: str, shown: str, message: str) -> ProfileProblem:
    try:
        repeated = locate.locate(text).repeated
    except (ValueError, RecursionError):
        repeated = ()
    if repeated:
        return ProfileProblem.of(
            [
                ProfileProblem(
                    f"the key {locate.dotted(key.path)} is given twice",
                    where=f"{shown}:{key.second}, {locate.dotted(key.path)}",
                    found=f"the first is in line {key.first}",
                    possible="one of the two",
                )
                for key in repeated
            ]
        )
    lines = text.splitlines() or [""]
    place = re.search(r"\(at line (\d+), column \d+\)", message)
    line = min(int(place[1]), len(lines)) if place else len(lines)
    return ProfileProblem(
        f"the profile is no TOML: {message.partition(' (at ')[0]}",
        where=f"{shown}:{line}",
        found=lines[line - 1].strip() or "an empty line",
        possible="TOML 1.0: key = value, one a line, text in quotes",
    )
