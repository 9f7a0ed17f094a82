"""From the kept bytes of one response to its reply, the same way for every dialect."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from pytest_rawrxd.rig.server.failure import Failure, failure_of_status
from pytest_rawrxd.rig.server.framing import Event, EventError, error_text, excerpt, parse_object, printable
from pytest_rawrxd.rig.server.response import Ask, Finish, Reply, Response

DETAIL_LIMIT = 1000  #: characters of what a server says about a failure
TOKENS_LIMIT = 1 << 20  #: of one reply: whoever counts them one by one comes to an end
_LATE = (Failure.DEADLINE, Failure.STALLED)


class Piece(NamedTuple):
    """What one event adds to a reply. How many tokens: ``total`` decides, else ``ids``, else 1 for any ``text``.

    A tuple, because a run reads millions of them.
    """

    text: str = ""
    ids: tuple[int, ...] | None = None
    total: int | None = None  #: tokens generated so far
    reported: int | None = None  #: the engine's final count
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    decode_ns: int | None = None
    finish: Finish | None = None
    error: str | None = None
    end: bool = False


@dataclass(frozen=True)
class Format:
    """How the body of a dialect is built: its media types, its events, and what an event means."""

    media: tuple[str, ...]
    split: Callable[[bytes], Iterator[Event]]
    interpret: Callable[[bytes], Piece]
    counts_tokens: bool = True  #: False: how many tokens a reply has cannot be known from it


def read_reply(response: Response, ask: Ask, form: Format) -> Reply:
    """Read ``response`` as the answer to ``ask``: token instants, the counts, and the one failure that decides."""
    refused = _refused(response, form)
    if refused is not None:
        return _Sums().reply(*refused)
    body = b"".join(response.chunks)
    ends = list(accumulate(len(chunk) for chunk in response.chunks))
    sums = _Sums()
    try:
        for event in form.split(body):
            sums.add(form.interpret(event.data), bisect_left(ends, event.end))
    except EventError as problem:
        return sums.reply(Failure.MALFORMED, str(problem), response.stamps_ns)
    return sums.reply(*_failure(sums, response, ask, form), response.stamps_ns)


def _refused(response: Response, form: Format) -> tuple[Failure, str] | None:
    """Why there is nothing to read, or None."""
    if response.status is None:
        return response.broken, response.detail
    said = b"".join(response.chunks)
    if failure := failure_of_status(response.status):
        return failure, _status_detail(response, said)
    media = response.content_type.partition(";")[0].strip().lower()
    if media not in form.media:
        try:
            message = error_text(parse_object(said)) if media == "application/json" else None
        except EventError:
            message = None
        if message is not None:
            return Failure.ENGINE_ERROR, message
        return Failure.NOT_A_STREAM, f"{media or 'no content type'} instead of {form.media[0]}: {excerpt(said)}"
    return None


def _status_detail(response: Response, said: bytes) -> str:
    try:
        message = error_text(parse_object(said)) or excerpt(said)
    except EventError:
        message = excerpt(said)
    notes = [f"status {response.status}", message]
    if response.retry_after:
        notes.append(f"retry after {response.retry_after}")
    if response.location:
        notes.append(f"to {response.location}")
    return ": ".join(filter(None, notes))


def _failure(  # noqa: PLR0911  # one line a failure, in the order in which they decide
    sums: _Sums, response: Response, ask: Ask, form: Format
) -> tuple[Failure, str]:
    """The failure that decides: what the engine said, then how the exchange ended, then what is missing."""
    received = sums.received
    count = received if sums.reported is None else sums.reported
    progress = (
        f"{count} of {ask.max_tokens} tokens" if form.counts_tokens else f"{sum(map(len, response.chunks))} bytes"
    )
    if sums.error is not None:
        return Failure.ENGINE_ERROR, sums.error
    if response.broken:
        late = sums.ended and response.broken in _LATE
        return (Failure.NOT_CLOSED if late else response.broken), f"{response.detail} after {progress}"
    if not sums.ended:
        return Failure.TRUNCATED, progress
    if sums.finish is Finish.NONE:
        return Failure.NO_FINISH_REASON, progress
    if form.counts_tokens and count != ask.max_tokens:
        failure = Failure.SHORT if count < ask.max_tokens else Failure.LONG
        return failure, f"{progress}, finish reason {sums.finish.name.lower()}"
    if sums.exact and received != count:
        return Failure.COUNTS_DIFFER, f"{count} reported, {received} sent"
    return Failure.NONE, ""


class _Sums:
    """What the events of one response add up to."""

    def __init__(self) -> None:
        self.tokens: dict[int, int] = {}  # received chunk -> tokens completed in it
        self.ids: list[int] = []
        self.text: list[str] = []
        self.knows_ids = False
        self.exact = False  # the server says how many tokens an event holds
        self.total = 0
        self.received = 0
        self.reported: int | None = None
        self.prompt_tokens: int | None = None
        self.cached_tokens: int | None = None
        self.decode_ns: int | None = None
        self.finish = Finish.NONE
        self.error: str | None = None
        self.ended = False

    def add(self, piece: Piece, chunk: int) -> None:
        """Add one event that was complete in ``chunk``. Raises EventError when it contradicts the ones before."""
        if self.ended:
            raise EventError("there is an event after the end marker")
        if piece.ids is not None:
            self.knows_ids = True
            self.ids.extend(piece.ids)
        if piece.total is not None:
            count, self.total = piece.total - self.total, piece.total
            if count < 0:
                raise EventError(f"the count of generated tokens goes back to {piece.total}")
        elif piece.ids is not None:
            count = len(piece.ids)
        else:
            count = 1 if piece.text else 0
        self.received += count
        self.text.append(piece.text)
        if self.received > TOKENS_LIMIT:
            raise EventError(f"more than {TOKENS_LIMIT} tokens")
        self.exact = self.exact or piece.total is not None or piece.ids is not None
        if count:
            self.tokens[chunk] = self.tokens.get(chunk, 0) + count
        self.reported = _newer(piece.reported, self.reported)
        self.prompt_tokens = _newer(piece.prompt_tokens, self.prompt_tokens)
        self.cached_tokens = _newer(piece.cached_tokens, self.cached_tokens)
        self.decode_ns = _newer(piece.decode_ns, self.decode_ns)
        self.finish = self.finish if piece.finish is None else piece.finish
        self.error = self.error if piece.error is None else piece.error
        self.ended = piece.end

    def reply(self, failure: Failure, detail: str, stamps_ns: Sequence[int] = ()) -> Reply:
        """The reply so far, with the failure that decides."""
        stamps = np.asarray(stamps_ns, np.int64)
        return Reply(
            stamps_ns=stamps[list(self.tokens)],
            tokens=np.fromiter(self.tokens.values(), np.int32, len(self.tokens)),
            token_ids=np.array(self.ids, np.int32) if self.knows_ids else None,
            reported_tokens=self.reported,
            prompt_tokens=self.prompt_tokens,
            cached_tokens=self.cached_tokens,
            engine_decode_ns=self.decode_ns,
            finish=self.finish,
            failure=failure,
            detail=printable(detail, DETAIL_LIMIT),
            text="".join(self.text),
        )


def _newer(value: int | None, known: int | None) -> int | None:
    return known if value is None else value
