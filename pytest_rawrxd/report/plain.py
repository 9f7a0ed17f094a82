"""Text from outside, made safe to show: a model name or a log line cannot steer a terminal or reorder a page."""

from __future__ import annotations

import unicodedata

#: Control, format (bidirectional overrides, zero width), surrogate, line and paragraph separator.
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: object) -> str:
    r"""Return ``text`` on one line with every invisible character spelled out, such as ``\u202e`` or ``\u001b``."""
    return "".join(_shown(character) for character in str(text))


def spelled_out(text: str) -> str:
    """Return ``text`` with its lines and tabs as they are, and every other invisible character as ``plain`` has it."""
    return "".join(character if character in "\n\t" else _shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\n\t":
        return " "
    if unicodedata.category(character) in HIDDEN:
        return f"\\u{ord(character):04x}"
    return character
