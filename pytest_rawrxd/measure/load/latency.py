"""What the arrays of a load run say about waiting. Latencies count from the instant at which a request was due."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.load.arrays import ABSENT, LoadArrays
from pytest_rawrxd.rig.server.failure import Failure

Milliseconds = npt.NDArray[np.float64]


def end_to_end_ms(arrays: LoadArrays) -> Milliseconds:
    """From the intended instant to the end of each request (k,). A failed request waits for ever: +inf."""
    return np.where(failed(arrays), np.inf, (arrays.ended_ns - arrays.intended_ns) / 1e6)


def first_token_ms(arrays: LoadArrays) -> Milliseconds:
    """From the intended instant to the first chunk with a token (k,); +inf for a failed request.

    Raises EvidenceProblem where a completed request has no token instant: its server replies once.
    """
    has = np.diff(arrays.offsets) > 0
    lost = failed(arrays)
    if (~has & ~lost).any():
        row = int(np.flatnonzero(~has & ~lost)[0])
        raise EvidenceProblem(
            "a completed request has no token instant",
            where=f"request {arrays.number[row]}",
            possible="end-to-end latency; a server that replies once has no time to first token",
        )
    waits = np.full(len(arrays), np.inf)
    kept = has & ~lost
    waits[kept] = (arrays.stamps_ns[arrays.offsets[:-1][kept]] - arrays.intended_ns[kept]) / 1e6
    return waits


def send_lag_ms(arrays: LoadArrays) -> Milliseconds:
    """How much later than intended each request was sent (k,): the client's own fault, gated by the profile."""
    return (arrays.sent_ns - arrays.intended_ns) / 1e6


def failed(arrays: LoadArrays) -> npt.NDArray[np.bool_]:
    """Which requests did not complete (k,)."""
    return np.not_equal(arrays.failure, Failure.NONE)


def coalesced(arrays: LoadArrays) -> int:
    """Received chunks that held more than one token: above 0, gaps between tokens are not known."""
    return int(np.count_nonzero(arrays.tokens > 1))


@dataclass(frozen=True)
class Counts:
    """Tokens of the completed requests, counted three ways; None where the server does not tell."""

    reported: int | None
    ids: int | None
    chunks: int
    disagreeing: int  #: requests in which two counts differ


def token_counts(arrays: LoadArrays) -> Counts:
    """The three counts. They have to agree before any of them is believed."""
    kept = ~failed(arrays)
    total = np.concatenate([[0], np.cumsum(arrays.tokens)])
    chunks = (total[arrays.offsets[1:]] - total[arrays.offsets[:-1]])[kept]
    reported, ids, tells = arrays.reported_tokens[kept], np.diff(arrays.id_offsets)[kept], arrays.has_ids[kept] == 1
    differs = ((reported != ABSENT) & (reported != chunks)) | (tells & (ids != chunks))
    return Counts(
        reported=int(reported.sum()) if reported.size and (reported != ABSENT).all() else None,
        ids=int(ids.sum()) if tells.size and tells.all() else None,
        chunks=int(chunks.sum()),
        disagreeing=int(np.count_nonzero(differs)),
    )


def most_open(arrays: LoadArrays) -> int:
    """The most requests that were open at once: streams plus queue."""
    order = np.argsort(np.concatenate([arrays.ended_ns, arrays.sent_ns]), kind="stable")
    return int(np.cumsum(np.repeat([-1, 1], len(arrays))[order]).max(initial=0))
