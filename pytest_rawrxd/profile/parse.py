"""TOML of a stranger as plain values: whatever is wrong with it is one kind of error."""

from __future__ import annotations

import tomllib
from typing import Any

MAX_DEPTH = 32  #: of tables and arrays; a profile has four
MAX_FILE = 1 << 20  #: bytes; the longest shipped profile has 60 kB


def parse(text: str) -> dict[str, Any]:
    """The tables of ``text``. Raises TOMLDecodeError, also where the parser itself gives up."""
    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise tomllib.TOMLDecodeError("nested too deeply") from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as trouble:  # a number of thousands of digits
        raise tomllib.TOMLDecodeError(str(trouble)) from trouble
    level: list[Any] = [found]
    for _ in range(MAX_DEPTH):
        below = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [value for values in below for value in values]
    if level:  # whoever walks it later may do so by calling itself
        raise tomllib.TOMLDecodeError("nested too deeply")
    return found
