"""Splitting the body of a streaming response into events: server-sent events, and JSON lines.

Works on the whole body after the run, so that a character, a line end or an event may be split over chunks anywhere.
An event ends with the byte that completes it; what follows the last complete event is no event.
Source of the rules: WHATWG HTML, "Server-sent events", section 9.2.6; ndjson-spec 1.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

EVENT_LIMIT = 1 << 20
_LINE_END = re.compile(rb"\r\n|\n|\r")
_MARK = b"\xef\xbb\xbf"


class EventError(ValueError):
    """Bytes that are no event of the expected kind. Becomes ``Failure.MALFORMED`` of one request."""


class Event(NamedTuple):
    """One event: its data, and the position in the body at which it was complete."""

    data: bytes
    end: int


def server_sent_events(body: bytes) -> Iterator[Event]:
    """The events of an SSE body, without comments, names and ids. Raises EventError for one over EVENT_LIMIT."""
    lines: list[bytes] = []
    size = 0
    start = len(_MARK) if body.startswith(_MARK) else 0
    for line, end in _lines(body, start):
        if not line:
            if lines:
                yield Event(b"\n".join(lines), end)
            lines, size = [], 0
            continue
        field, _, value = line.partition(b":")
        if field == b"data":
            lines.append(value.removeprefix(b" "))
            size += len(value)
            if size > EVENT_LIMIT:
                raise EventError(f"an event of more than {EVENT_LIMIT} bytes")


def json_lines(body: bytes) -> Iterator[Event]:
    """The lines of an NDJSON body that are not empty. Raises EventError for one over EVENT_LIMIT."""
    for line, end in _lines(body):
        if len(line) > EVENT_LIMIT:
            raise EventError(f"a line of more than {EVENT_LIMIT} bytes")
        if line.strip():
            yield Event(line, end)


def _lines(body: bytes, start: int = 0) -> Iterator[tuple[bytes, int]]:
    """Every line that has an end, with the position behind it. Looks at each byte once, whatever the body is."""
    for match in _LINE_END.finditer(body, start):
        yield body[start : match.start()], match.end()
        start = match.end()


def whole_body(body: bytes) -> Iterator[Event]:
    """The body as one event; none of an empty one."""
    if body:
        yield Event(body, len(body))


def parse_object(data: bytes) -> dict[str, Any]:
    """The JSON object in ``data``. Raises EventError for anything else, with the beginning of what was found."""
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError) as problem:
        raise EventError(f"{problem}: {excerpt(data)}") from problem
    if not isinstance(value, dict):
        raise EventError(f"no JSON object: {excerpt(data)}")
    return value


def member(event: dict[str, Any], name: str) -> dict[str, Any]:
    """The object ``name`` of ``event``, empty where there is none. Raises EventError where it is something else."""
    match event.get(name):
        case None:
            return {}
        case dict(value):
            return value
    raise EventError(f"{name} is no object")


def natural(value: object, *, below: int = 1 << 31) -> int | None:
    """``value`` when it is a whole number from 0 to ``below``, else None."""
    return value if type(value) is int and 0 <= value < below else None


def token_ids(value: object) -> tuple[int, ...] | None:
    """A list of token ids; None where there is no list. Raises EventError for a list of anything else."""
    if not isinstance(value, list):
        return None
    if any(natural(token) is None for token in value):
        raise EventError(f"no token ids: {excerpt(json.dumps(value).encode())}")
    return tuple(value)


def nanoseconds(value: object, per_unit: float = 1.0) -> int | None:
    """A duration in whole ns; None where ``value`` is no number from 0 to an hour."""
    # Compared before it is multiplied: a whole number may be longer than a float can hold.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 3.6e12 / per_unit:
        return None
    return round(value * per_unit)


def error_text(event: dict[str, Any]) -> str | None:
    """The message of an error object in any of the usual forms; None where there is no error."""
    match event:
        case {"error": {"message": str(message)}} | {"error": str(message)} if message:
            return message
        case {"error": problem} if problem:
            return excerpt(json.dumps(problem).encode())
        case {"object": "error", "message": str(message)}:
            return message
    return None


def excerpt(data: bytes, limit: int = 160) -> str:
    """The beginning of ``data`` as one printable line."""
    return printable(data[: limit + 1].decode("utf-8", "replace"), limit)


def printable(text: str, limit: int) -> str:
    """The beginning of ``text`` as one line that can be written: a server's words steer nothing."""
    line = "".join(c if c.isprintable() else " " for c in text[:limit])
    return line + ("…" if len(text) > limit else "")


def _refuse_constant(text: str) -> NoReturn:
    raise EventError(f"{text} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
