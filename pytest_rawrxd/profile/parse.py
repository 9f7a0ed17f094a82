"""TOML of a stranger as plain values: whatever is wrong with it is one kind of error."""

from __future__ import annotations

import tomllib
from typing import Any

MAX_FILE = 1 << 20  #: bytes; the longest shipped profile has 60 kB


def parse(text: str) -> dict[str, Any]:
    """The tables of ``text``. Raises TOMLDecodeError, also where the parser itself gives up."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise tomllib.TOMLDecodeError("nested too deeply") from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as trouble:  # a number of thousands of digits
        raise tomllib.TOMLDecodeError(str(trouble)) from trouble
