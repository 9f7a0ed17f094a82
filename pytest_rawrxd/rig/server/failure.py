"""Every way in which a request over HTTP does not keep its promise, as codes that fit an array."""

from __future__ import annotations

from enum import IntEnum


class Failure(IntEnum):
    """Why a request failed. The numbers are stored with the evidence and never change their meaning."""

    NONE = 0
    UNREACHABLE = 1
    TLS = 2
    DISCONNECTED = 3
    DEADLINE = 4
    STALLED = 5
    TOO_LARGE = 6
    BROKEN_HTTP = 7
    REDIRECTED = 8
    UNAUTHORIZED = 9
    NOT_FOUND = 10
    OVERLOADED = 11
    REFUSED = 12
    SERVER_ERROR = 13
    NOT_A_STREAM = 14
    MALFORMED = 15
    ENGINE_ERROR = 16
    TRUNCATED = 17
    NOT_CLOSED = 18
    NO_FINISH_REASON = 19
    SHORT = 20
    LONG = 21
    COUNTS_DIFFER = 22

    @property
    def sentence(self) -> str:
        """What happened, for a reader."""
        return SENTENCES[self]


SENTENCES = {
    Failure.NONE: "completed",
    Failure.UNREACHABLE: "no connection to the server",
    Failure.TLS: "no trusted TLS connection",
    Failure.DISCONNECTED: "the server closed or reset the connection",
    Failure.DEADLINE: "not finished at its deadline",
    Failure.STALLED: "nothing received for longer than allowed",
    Failure.TOO_LARGE: "the response is larger than allowed",
    Failure.BROKEN_HTTP: "the answer is no HTTP response",
    Failure.REDIRECTED: "the server redirects; redirects are not followed",
    Failure.UNAUTHORIZED: "the server wants another key (401, 403)",
    Failure.NOT_FOUND: "the path does not exist (404, 405)",
    Failure.OVERLOADED: "the server turned the request away (429, 503)",
    Failure.REFUSED: "the server does not take this request (4xx)",
    Failure.SERVER_ERROR: "the server failed (5xx)",
    Failure.NOT_A_STREAM: "the response is not of the expected type",
    Failure.MALFORMED: "an event of the stream cannot be read",
    Failure.ENGINE_ERROR: "the engine reports an error inside a response of status 200",
    Failure.TRUNCATED: "the stream ended without its end marker",
    Failure.NOT_CLOSED: "the response did not end after its end marker",
    Failure.NO_FINISH_REASON: "the stream ended without a finish reason",
    Failure.SHORT: "fewer tokens than requested",
    Failure.LONG: "more tokens than requested",
    Failure.COUNTS_DIFFER: "the engine reports another number of tokens than it sent",
}

_BY_STATUS = {
    401: Failure.UNAUTHORIZED,
    403: Failure.UNAUTHORIZED,
    404: Failure.NOT_FOUND,
    405: Failure.NOT_FOUND,
    429: Failure.OVERLOADED,
    503: Failure.OVERLOADED,
}


def failure_of_status(status: int) -> Failure:
    """The failure that an HTTP status means; only 200 is none."""
    if status == 200:
        return Failure.NONE
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 300 <= status < 400:
        return Failure.REDIRECTED
    if 400 <= status < 500:
        return Failure.REFUSED
    return Failure.SERVER_ERROR
