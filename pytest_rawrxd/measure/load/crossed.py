"""Answers that belong to another request: each prompt of a load carries a nonce, and no other answer may hold it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

NONCE = 12  #: hexadecimal digits
_LIKE_ONE = re.compile(rf"(?=([0-9a-f]{{{NONCE}}}))")


def nonce_of(seed: int, number: int) -> str:
    """What stands before the prompt of request ``number``."""
    return hashlib.sha256(f"{seed} {number}".encode()).hexdigest()[:NONCE]


def crossed(answers: Iterable[tuple[int, str]], *, seed: int, requests: Iterable[int]) -> list[tuple[int, int]]:
    """Request and the other request whose nonce its answer holds, each pair once, in the order of ``answers``."""
    owners = {nonce_of(seed, number): number for number in requests}
    pairs = {
        (number, owners[found[1]]): None
        for number, text in answers
        for found in _LIKE_ONE.finditer(text)
        if owners.get(found[1], number) != number
    }
    return list(pairs)
