"""One HTTP exchange as it was received, and what it says once it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.rig.server.failure import Failure


class Finish(IntEnum):
    """Why the engine stopped generating. The numbers are stored with the evidence."""

    NONE = 0
    LENGTH = 1
    STOP = 2
    OTHER = 3


@dataclass(frozen=True)
class Ask:
    """One generation over HTTP: greedy, ``max_tokens`` long, end-of-sequence ignored where the server can."""

    prompt: str
    max_tokens: int
    model: str | None = None


@dataclass(frozen=True, eq=False)
class Response:
    """The bytes of one response with the instant of each received chunk; nothing of it has been parsed."""

    status: int | None  #: None: no response came
    content_type: str
    chunks: Sequence[bytes]
    stamps_ns: Sequence[int]  #: one per chunk, ``time.perf_counter_ns``
    broken: Failure = Failure.NONE  #: what ended the exchange early
    detail: str = ""  #: what the system said about it
    retry_after: str = ""
    location: str = ""


@dataclass(frozen=True, eq=False)
class Reply:
    """What a response says. An entry of ``stamps_ns`` and ``tokens`` is a received chunk that carried tokens.

    A chunk with several tokens has one instant: its token-level gaps are unknown, and ``tokens`` says so.
    """

    stamps_ns: npt.NDArray[np.int64]  #: (n,)
    tokens: npt.NDArray[np.int32]  #: (n,) at least 1 each
    token_ids: npt.NDArray[np.int32] | None  #: (ids,) None: the server does not tell
    reported_tokens: int | None  #: the engine's own count
    prompt_tokens: int | None
    cached_tokens: int | None  #: prompt tokens that the engine did not have to process
    engine_decode_ns: int | None  #: decode time as the engine measured it
    finish: Finish
    failure: Failure
    detail: str = ""
    text: str = ""  #: everything that was generated; it stays in the client
