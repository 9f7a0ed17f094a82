"""What a reader probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str:
    """The names to choose from, beginning with the one that ``name`` was probably meant to be."""
    choices = list(names)
    lowered = {choice.lower(): choice for choice in reversed(choices)}
    close = difflib.get_close_matches(name.lower(), lowered, n=1)
    hint = f"{lowered[close[0]]}? " if close else ""
    return f"{hint}One of: {', '.join(choices)}" if choices else "none"
