"""What a reader probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

_MOST: Final = 24  #: a longer list hides the one that was meant


def nearest(name: str, names: Iterable[str]) -> str:
    """The names to choose from, the one that ``name`` was probably meant to be first; of many, the nearest few."""
    choices = list(names)
    lowered = {choice.lower(): choice for choice in reversed(choices)}
    close = [lowered[found] for found in difflib.get_close_matches(name.lower(), lowered, n=5)]
    hint = f"{close[0]}? " if close else ""
    if len(choices) <= _MOST:
        return f"{hint}One of: {', '.join(choices)}" if choices else "none"
    return f"{hint}One of {len(choices)}, nearest: {', '.join(close or choices[:5])}"
