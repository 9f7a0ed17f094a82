"""Profiles as text: the few shapes of TOML that a profile is written in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

Value = str | int | bool | Sequence[str]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_WIDTH = 116


def table(path: Sequence[str], entries: Mapping[str, Value], comments: Iterable[str] = ()) -> str:
    """Return one table with ``comments`` above it; an empty ``path`` is the top of the file."""
    head = [f"[{'.'.join(_key(part) for part in path)}]"] if path else []
    return "\n".join(
        [*map(comment, comments), *head, *(f"{_key(key)} = {_value(value)}" for key, value in entries.items())]
    )


def comment(text: str) -> str:
    """Return ``text`` as one comment line: whatever could end the line or hide in it is spelled out."""
    return f"# {''.join(_visible(character) for character in text)}".rstrip()


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    items = [_text(item) for item in value]
    line = f"[{', '.join(items)}]"
    return line if len(line) < _WIDTH - 20 else "[\n" + "".join(f"  {item},\n" for item in items) + "]"


def _text(text: str) -> str:
    return f'"{"".join(_ESCAPES.get(character) or _visible(character) for character in text)}"'


def _visible(character: str) -> str:
    """A character of a comment or a text: control characters, which TOML forbids, as their escapes."""
    return character if character.isprintable() else f"\\U{ord(character):08X}"
