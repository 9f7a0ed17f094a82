"""Answers that belong to another request: each prompt of a load carries a nonce, and no other answer may hold it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.rig.server.text import text_of

Pairs = npt.NDArray[np.int64]


def crossed_requests(arrays: Mapping[str, npt.NDArray[Any]], *, seed: int, dialect: str) -> Pairs:
    """(n, 2) of request and the request whose nonce its answer holds, from the kept bytes of a load."""
    numbers = arrays["number"].tolist()
    nonces = {each: hashlib.sha256(f"{seed} {each}".encode()).hexdigest()[:12] for each in set(numbers)}
    found = []
    for row, request in enumerate(numbers):
        body = arrays["bodies"][arrays["body_offsets"][row] : arrays["body_offsets"][row + 1]].tobytes()
        text = text_of(body, dialect)
        found += [(request, other) for other, nonce in nonces.items() if other != request and nonce in text]
    return np.array(found, np.int64).reshape(-1, 2)
