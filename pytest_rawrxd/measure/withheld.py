"""What a run keeps of prompts and completions: as much as its profile says, by default nothing.

Every record of a session goes through here before it is written. What a promise needs of a text is derived first: how
many tokens an answer has, whether it is the answer of another request. In place of token ids stands a digest of each
answer, so that two answers can still be told apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.measure.canary.song import CANARY
from pytest_rawrxd.measure.faults.crossed import crossed_requests
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.profile.protocol import Keep

Arrays = dict[str, npt.NDArray[Any]]

WITHHELD = "not kept: protocol.keep_answers"
SUNG = ("ids", "top_ids", "top_logs")


class Withholding:
    """A sink that hands on what ``keep`` allows."""

    def __init__(self, sink: Sink, keep: Keep) -> None:
        self._sink, self._keep = sink, keep

    def record(self, kind: str, data: dict[str, Any], arrays: Arrays | None = None) -> str:
        """Keep it without what may not be kept, and return its evidence id."""
        if self._keep != "all":
            data, arrays = withheld(kind, data, arrays, canaries=self._keep == "canaries")
        return self._sink.record(kind, data, arrays)


def withheld(
    kind: str, data: Mapping[str, Any], arrays: Arrays | None, *, canaries: bool
) -> tuple[dict[str, Any], Arrays | None]:
    """A record without prompts and completions; ``canaries`` leaves the answers to the suite's own nonces."""
    if kind == CANARY:
        return (dict(data), arrays) if canaries else _unsung(data, arrays)
    found = None if arrays is None else dict(arrays)
    if found is not None:
        if "bodies" in found:
            found["crossed"] = crossed_requests(found, seed=int(data["seed"]), dialect=str(data["dialect"]))
            del found["bodies"], found["body_offsets"]
        if "token_ids" in found:
            found["answer_sha256"] = _digests(found.pop("token_ids"), found.get("id_offsets", found["offsets"]))
        if "chunks" in found:  # tokens of a text that is scored; its digest stands in the record
            found["text_shape"] = np.array(found.pop("chunks").shape, np.int64)
    return {key: _untold(item) for key, item in data.items()}, found


def _unsung(data: Mapping[str, Any], arrays: Arrays | None) -> tuple[dict[str, Any], Arrays | None]:
    said = {key: item for key, item in data.items() if key not in {"texts", "nonce_ids"}}
    return said, arrays and {name: array for name, array in arrays.items() if name not in SUNG}


def _digests(ids: npt.NDArray[Any], offsets: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """(k, 32): SHA-256 over the ids of each answer as little-endian 32 bit numbers."""
    parts = [ids[begin:end] for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]
    digests = b"".join(hashlib.sha256(part.astype("<i4").tobytes()).digest() for part in parts)
    return np.frombuffer(digests, np.uint8).reshape(-1, 32)


def _untold(value: Any) -> Any:
    """``value`` without the words of responses of status 200: those are completions, whole or broken."""
    match value:
        case {"status": 200, "example": str(), **others}:
            return {**others, "status": 200, "example": WITHHELD}
        case {"status": 200, "message": str(), "type": None, **others}:
            return {**others, "status": 200, "message": WITHHELD, "type": None}
        case dict():
            return {key: _untold(item) for key, item in value.items()}
        case list():
            return [_untold(item) for item in value]
    return value
