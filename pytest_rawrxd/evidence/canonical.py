"""One byte sequence for one meaning: RFC 8785 JSON, and digests over it."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import rfc8785

from pytest_rawrxd.errors import EvidenceProblem

BLOCK = 1 << 20


def canonical(value: Any) -> bytes:
    """``value`` as RFC 8785 canonical JSON. Raises EvidenceProblem for NaN, infinity and foreign types."""
    try:
        return rfc8785.dumps(plain(value))
    except rfc8785.CanonicalizationError as error:
        raise EvidenceProblem("a value has no canonical JSON form", found=str(error)) from error


def digest(value: Any) -> str:
    """SHA-256 over the canonical JSON of ``value``, as 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    seen = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            seen.update(block)
    return seen.hexdigest()


def plain(value: Any) -> Any:
    """``value`` with numpy scalars, tuples and paths replaced by what JSON knows.

    A numpy scalar in a report property ends a whole xdist session, so nothing leaves a room without this.
    """
    match value:
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            items = sorted(value) if isinstance(value, set | frozenset) else value
            return [plain(item) for item in items]
        case np.generic():
            return value.item()
        case np.ndarray():
            return value.tolist()
        case Path():
            return value.as_posix()
    return value


def rounded(value: Any, digits: int = 6) -> Any:
    """Every float in ``value`` to ``digits`` significant digits: after the decision, never before."""
    match value:
        case dict():
            return {key: rounded(item, digits) for key, item in value.items()}
        case list():
            return [rounded(item, digits) for item in value]
        case float():
            return float(f"{value:.{digits}g}")
    return value


def strict_loads(text: str | bytes) -> Any:
    """JSON without NaN, infinity, repeated keys or halves of characters: what was read can be written again.

    Raises ValueError.
    """

    def no_constant(name: str) -> Any:
        raise ValueError(f"{name} is not a JSON number")

    def finite(digits: str) -> float:
        if not math.isfinite(number := float(digits)):
            raise ValueError(f"{digits[:40]} is larger than a JSON number can be")
        return number

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in pairs:
            if key in found:
                raise ValueError(f"key {key!r} stands twice")
            found[key] = item
        return found

    # Python would take bytes of UTF-16, and halves of characters in UTF-8.
    text = text if isinstance(text, str) else text.decode("utf-8")
    try:
        found = json.loads(text, parse_constant=no_constant, parse_float=finite, object_pairs_hook=once)
        if "\\u" in text:  # half a character comes from an escape only, and looking for one is cheap
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return found
