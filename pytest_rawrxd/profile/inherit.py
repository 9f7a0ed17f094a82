"""``extends``: a profile on top of another. Tables merge key by key, everything else is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import ProfileProblem
from pytest_rawrxd.profile import locate
from pytest_rawrxd.profile.kinds import BOUND_KEYS
from pytest_rawrxd.profile.source import Source, find, read
from pytest_rawrxd.profile.suggest import nearest

#: A bound replaces the whole bound: one left over from the base would contradict it.
_BOUND_GROUP = frozenset((*BOUND_KEYS, "bound_of", "expected"))
MAX_NAME = 200
_OF_ONE_FILE = ("extends", "drop")


@dataclass(frozen=True)
class Chain:
    """The files of a profile, the extending one first, and what they say together."""

    sources: tuple[Source, ...]
    data: dict[str, Any]

    def place(self, path: locate.Path) -> tuple[int, int]:
        """Index of the file and line of ``path``: where it was written last, or dropped, or else of its table."""
        for length in range(len(path), 0, -1):
            for index, source in enumerate(self.sources):
                line = source.lines.get(path[:length]) or _drop_line(source, path[:length])
                if line is not None:
                    return index, line
        return 0, 1

    def at(self, path: locate.Path) -> str:
        """``file:line`` of ``path``."""
        index, line = self.place(path)
        return f"{self.sources[index].shown}:{line}"

    def value(self, path: locate.Path) -> Any:
        """What is written at ``path``; None where nothing is."""
        value: Any = self.data
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def read_chain(path: Path, folders: Sequence[Path]) -> Chain:
    """The file at ``path`` with everything it extends; raises ProfileProblem on a cycle or an unknown base."""
    sources = [read(path)]
    while (base := sources[-1].data.get("extends")) is not None:
        source = sources[-1]
        where = f"{source.shown}:{source.lines['extends',]}, extends"
        if not isinstance(base, str):
            raise ProfileProblem(
                "wrong type", where=where, found=f"extends = {base!r}", possible="the name of a profile"
            )
        following = read(_find_base(base, source, folders, where))
        if any(following.path.resolve() == earlier.path.resolve() for earlier in sources):
            names = " -> ".join([*(earlier.name for earlier in sources), following.name])
            raise ProfileProblem(
                "a profile extends itself", where=where, found=names, possible="a chain that ends in a whole profile"
            )
        sources.append(following)
    data: dict[str, Any] = {}
    for source in reversed(sources):
        data = _extend(data, source)
    return Chain(tuple(sources), data)


def _find_base(base: str, source: Source, folders: Sequence[Path], where: str) -> Path:
    parts = base.split("/")
    if len(base) > MAX_NAME or ".." in parts or not parts[0] or any(set(part) & set("\\:\0") for part in parts):
        raise ProfileProblem(
            "the base of the profile lies outside its folder",
            where=where,
            found=f"extends = {base[:80]!r}",
            possible="the name of a profile, or a .toml file beside or below this one",
        )
    # A base given as a path is relative to the file that names it, not to the working directory.
    name = str(source.path.parent / base) if base.endswith(".toml") else base
    try:
        return find(name, (source.path.parent, *folders))
    except ProfileProblem as problem:
        raise ProfileProblem(
            f"the base of the profile is missing: {problem.what}",
            where=where,
            found=problem.found,
            possible=problem.possible,
        ) from problem


def _extend(base: dict[str, Any], source: Source) -> dict[str, Any]:
    inherited = {key: value for key, value in base.items() if key not in _OF_ONE_FILE}
    problems = []
    for index, name in enumerate(_dropped(source)):
        try:
            inherited = _without(inherited, _place(name))
        except KeyError:
            criteria = inherited.get("criteria", {})
            problems.append(
                ProfileProblem(
                    f"the base has no {name!r} to drop",
                    where=f"{source.shown}:{source.lines['drop', index]}, drop[{index}]",
                    found=repr(name),
                    possible=nearest(name, [*criteria, *(key for key in inherited if key != "criteria")]),
                )
            )
    if problems:
        raise ProfileProblem.of(problems)
    return _merged(inherited, source.data, ())


def _drop_line(source: Source, path: locate.Path) -> int | None:
    found = (index for index, name in enumerate(_dropped(source)) if _place(name) == path)
    return next((source.lines["drop", index] for index in found), None)


def _dropped(source: Source) -> list[str]:
    """What the file drops; nothing where the key has a wrong type, which is refused later."""
    dropped = source.data.get("drop")
    return [str(name) for name in dropped] if isinstance(dropped, list) else []


def _place(name: str) -> tuple[str, ...]:
    """Ids of criteria have a hyphen, which no key of a profile has."""
    return ("criteria", name) if "-" in name else tuple(name.split("."))


def _without(table: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """A copy of ``table`` that has nothing at ``path``; KeyError where it had nothing."""
    table = dict(table)
    key, *rest = path
    if not rest:
        del table[key]
        return table
    below = table[key]
    if not isinstance(below, dict):
        raise KeyError(key)
    table[key] = _without(below, tuple(rest))
    return table


def _merged(base: dict[str, Any], over: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    in_criterion = len(path) == 2 and path[0] == "criteria"
    if in_criterion and not _BOUND_GROUP.isdisjoint(over):
        base = {key: value for key, value in base.items() if key not in _BOUND_GROUP}
    merged = dict(base)
    for key, value in over.items():
        below = base.get(key)
        # A criterion's own tables (where) are values: half of one condition and half of another is none.
        merges = isinstance(value, dict) and isinstance(below, dict) and not in_criterion
        merged[key] = _merged(below, value, (*path, key)) if merges and isinstance(below, dict) else value
    return merged
