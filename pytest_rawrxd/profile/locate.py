"""Where each key of a TOML text stands. ``tomllib`` reads values and forgets their lines.

The scanner follows keys and steps over values; what a value means is left to ``tomllib``.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

Path = tuple[str | int, ...]  #: keys, and indices where a value is an array


@dataclass(frozen=True)
class Repeated:
    """A key that stands twice."""

    path: Path
    first: int
    second: int


@dataclass(frozen=True)
class KeyLines:
    """Line of each key, table header and array element; lines count from one."""

    lines: dict[Path, int]
    repeated: tuple[Repeated, ...]


def dotted(path: Path) -> str:
    """``path`` as TOML writes it, with indices in brackets."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text


def locate(text: str) -> KeyLines:
    """The place of every key in ``text``; raises ValueError where the text is no TOML."""
    scanner = _Scanner(text)
    scanner.document()
    return KeyLines(scanner.lines, tuple(scanner.repeated))


_SPACE: Final = re.compile(r"[ \t]*")
_GAP: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR: Final = re.compile(r"[^,\[\]{}#\r\n\"']+")


@dataclass
class _Scanner:
    text: str
    at: int = 0
    lines: dict[Path, int] = field(default_factory=dict)
    repeated: list[Repeated] = field(default_factory=list)
    _written: dict[Path, int] = field(default_factory=dict)
    _table_arrays: dict[Path, int] = field(default_factory=dict)
    _starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", self.text))]

    def document(self) -> None:
        table: Path = ()
        self._skip(_GAP)
        while self.at < len(self.text):
            if self._ahead("[["):
                table = self._array_header()
            elif self._ahead("["):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_GAP)

    def _header(self) -> Path:
        line = self._line()
        self._expect("[")
        keys = self._dotted_key()
        self._expect("]")
        path = self._inside_arrays(keys)
        self._write(path, line)
        return path

    def _array_header(self) -> Path:
        line = self._line()
        self._expect("[[")
        keys = self._dotted_key()
        self._expect("]]")
        name = (*self._inside_arrays(keys[:-1]), keys[-1])
        index = self._table_arrays.get(name, -1) + 1
        self._table_arrays[name] = index
        self._note(name, line)
        self._note((*name, index), line)
        return (*name, index)

    def _inside_arrays(self, keys: tuple[str, ...]) -> Path:
        """``keys`` with the index of the newest element wherever a prefix is an array of tables."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self._table_arrays:
                path = (*path, self._table_arrays[path])
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = (*table, *self._dotted_key())
        self._expect("=")
        self._write(path, line)
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip(_SPACE)
        if self._ahead("["):
            self._array(path)
        elif self._ahead("{"):
            self._inline_table(path)
        elif not (self._skip(_STRING) or self._skip(_SCALAR)):
            raise ValueError(f"no value in line {self._line()}")

    def _array(self, path: Path) -> None:
        self._expect("[")
        index = 0
        self._skip(_GAP)
        while not self._ahead("]"):
            self._note((*path, index), self._line())
            self._value((*path, index))
            index += 1
            self._separator("]")
        self._expect("]")

    def _inline_table(self, path: Path) -> None:
        self._expect("{")
        self._skip(_GAP)
        while not self._ahead("}"):
            self._pair(path)
            self._separator("}")
        self._expect("}")

    def _separator(self, end: str) -> None:
        self._skip(_GAP)
        if not self._ahead(end):
            self._expect(",")
            self._skip(_GAP)

    def _dotted_key(self) -> tuple[str, ...]:
        keys = [self._key()]
        while self._ahead("."):
            self._expect(".")
            keys.append(self._key())
        return tuple(keys)

    def _key(self) -> str:
        self._skip(_SPACE)
        found = _BARE_KEY.match(self.text, self.at) or _STRING.match(self.text, self.at)
        if found is None:
            raise ValueError(f"no key in line {self._line()}")
        self.at = found.end()
        self._skip(_SPACE)
        raw = found[0]
        return str(tomllib.loads(f"key = {raw}")["key"]) if raw[0] in "\"'" else raw

    def _write(self, path: Path, line: int) -> None:
        if path in self._written:
            self.repeated.append(Repeated(path, self._written[path], line))
        self._written.setdefault(path, line)
        self._note(path, line)

    def _note(self, path: Path, line: int) -> None:
        # A header written after its sub-table is the better place for the table's own name.
        if path not in self._written or self._written[path] == line:
            self.lines[path] = line
        for length in range(1, len(path)):
            self.lines.setdefault(path[:length], line)

    def _line(self) -> int:
        return bisect_right(self._starts, self.at)

    def _ahead(self, token: str) -> bool:
        return self.text.startswith(token, self.at)

    def _expect(self, token: str) -> None:
        if not self._ahead(token):
            raise ValueError(f"no {token!r} in line {self._line()}")
        self.at += len(token)

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self.text, self.at)
        if found is None:
            return False
        self.at = found.end()
        return True
