"""One request written byte by byte, so that it may be wrong, late or cut off; whatever comes back is kept."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

#: What a good service does with a request: answer it, tell its error, or run on until the client gives up; "end" is an
#: error or a closed connection, "any" an error or an answer, whichever the service prefers.
Expected = Literal["answer", "error", "give up", "end", "any"]

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
KEPT_BYTES = 1 << 16
SAID_AT_MOST = 300


@dataclass(frozen=True)
class Spoken:
    """How one exchange ended. ``clear`` errors have a status of 400 or above and say in words what is wrong."""

    what: str  #: the request, in words
    status: int | None  #: None: no response began
    end: str  #: "answered", "closed", "reset", "refused", "deadline"
    body: bytes
    took_s: float
    deadline_s: float
    expects: Expected = "answer"

    @property
    def good(self) -> bool:
        """Whether it ended as it should have."""
        match self.expects:
            case "answer":
                return self.status == 200 and self.end == "answered"
            case "error":
                return self.clear
            case "give up":
                return self.end == "deadline"
            case "any":
                return self.clear or (self.status == 200 and self.end == "answered")
            case "end":
                return self.end != "deadline" and (self.status is None or self.status >= 400)

    @property
    def hung(self) -> bool:
        """Whether it was still open at a deadline that it should have kept."""
        return self.end == "deadline" and self.expects != "give up"

    @property
    def error(self) -> dict[str, Any] | None:
        """The error object of the answer, also one inside a stream that had begun; None where there is none."""
        text = self.body.decode("utf-8", "replace")
        begin = text.find('{"error":')
        try:
            found = json.JSONDecoder().raw_decode(text[begin:])[0]["error"] if begin >= 0 else None
        except (ValueError, KeyError, TypeError):
            return None
        return found if found is None or isinstance(found, dict) else {"message": str(found)}

    @property
    def clear(self) -> bool:
        """Whether this is an error that tells its cause: a status of its class and a message."""
        return self.status is not None and self.status >= 400 and bool((self.error or {}).get("message"))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the ledger."""
        error = self.error or {}
        return {
            "what": self.what,
            "expects": self.expects,
            "good": self.good,
            "hung": self.hung,
            "status": self.status,
            "end": self.end,
            "type": None if error.get("type") is None else str(error["type"]),
            "message": str(error.get("message", self.body[:SAID_AT_MOST].decode("utf-8", "replace")))[:SAID_AT_MOST],
            "clear": self.clear,
            "took_s": self.took_s,
            "deadline_s": self.deadline_s,
        }


def request_bytes(path: str, body: bytes, *, length: int | None = None) -> bytes:
    """A POST of JSON; ``length`` may promise another size than the body has."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    return head.encode() + body


def speak(
    what: str,
    port: int,
    payload: bytes,
    *,
    deadline_s: float,
    expects: Expected = "answer",
    clock: Callable[[], float] = time.monotonic,
) -> Spoken:
    """Send ``payload`` to the loopback port and read until the server ends the connection or ``deadline_s`` passes.

    At the deadline the client hangs up, as one that waited long enough does. Nothing is raised.
    """
    began, received, end = clock(), bytearray(), "closed"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=deadline_s) as connection:
            connection.sendall(payload)
            while (left := began + deadline_s - clock()) > 0:
                connection.settimeout(left)
                piece = connection.recv(KEPT_BYTES)
                if not piece:
                    break
                received += piece[: max(0, KEPT_BYTES - len(received))]
            else:
                end = "deadline"
    except TimeoutError:
        end = "deadline"
    except ConnectionRefusedError:
        end = "refused"
    except OSError:
        end = "reset"
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    match = STATUS.match(head)
    if end == "closed" and match:
        end = "answered"
    status = int(match[1]) if match else None
    return Spoken(what, status, end, body, clock() - began, deadline_s, expects)


def at_once(talks: list[Callable[[], Spoken]]) -> list[Spoken]:
    """All of ``talks`` at the same time; their answers in the order of the list."""
    with ThreadPoolExecutor(max_workers=len(talks)) as pool:
        return list(pool.map(lambda talk: talk(), talks))
