"""Answers that belong to another request, from the bytes that a campaign keeps of its loads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.measure.load.crossed import crossed
from pytest_rawrxd.rig.server.text import text_of

Pairs = npt.NDArray[np.int64]


def crossed_requests(arrays: Mapping[str, npt.NDArray[Any]], *, seed: int, dialect: str) -> Pairs:
    """(n, 2) of request and the request whose nonce its answer holds, from the kept bytes of a load."""
    numbers, ends = arrays["number"].tolist(), arrays["body_offsets"]
    texts = (text_of(arrays["bodies"][ends[row] : ends[row + 1]].tobytes(), dialect) for row in range(len(numbers)))
    found = crossed(zip(numbers, texts, strict=True), seed=seed, requests=set(numbers))
    return np.array(found, np.int64).reshape(-1, 2)
