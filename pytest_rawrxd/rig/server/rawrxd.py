"""RawrXD's own server, which replies once. Constructed from its published source (``gguf_server.cpp``); not run here.

It ignores ``stream`` and every token limit (100 tokens at most), reports no token counts, and takes a prompt only up to
its first quotation mark: its field reader does not know escapes. The line ``Error: No model loaded`` comes with 200.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_rawrxd.rig.server.framing import error_text, natural, parse_object, whole_body
from pytest_rawrxd.rig.server.reading import Format, Piece, read_reply
from pytest_rawrxd.rig.server.response import Ask, Finish, Reply, Response

HEALTH_PATH = "/health"
_ONCE = "the server replies once, after the last token: no token has an instant"
NOT_MEASURABLE = {
    "ttft": _ONCE,
    "itl": _ONCE,
    "tokens": "no token count in the reply; over a quiet window, the difference of tokens_generated in /health",
}


@dataclass(frozen=True)
class RawrXD:
    """``/api/generate`` of RawrXD's server: end to end, loss and throughput are measurable."""

    name: str = "rawrxd"
    path: str = "/api/generate"
    base_path: str = ""
    not_measurable: Mapping[str, str] = field(default_factory=lambda: NOT_MEASURABLE)

    def body(self, ask: Ask) -> dict[str, Any]:
        """The JSON object to send: the prompt first, in the characters that the server's field reader gets whole."""
        prompt = ask.prompt.replace('"', "'").replace("\\", "/").replace("\n", " ")
        return {"prompt": prompt, "model": ask.model or "", "stream": False}

    def read(self, response: Response, ask: Ask) -> Reply:
        """What the kept bytes say. The token limit is not the server's: any finished reply is a complete one."""
        return read_reply(response, ask, FORMAT)


def interpret(data: bytes) -> Piece:
    """The one object of a reply."""
    reply = parse_object(data)
    if (error := error_text(reply)) is not None:
        return Piece(error=error)
    text = reply.get("response")
    if not isinstance(text, str) or not text:
        return Piece(error="an empty reply")
    if text.startswith("Error:"):
        return Piece(error=text)
    done = reply.get("done") is True
    return Piece(finish=Finish.OTHER if done else None, end=done)


def tokens_generated(health: bytes) -> int | None:
    """The token counter in the answer of ``/health``; None where it has none. Raises EventError for no JSON object."""
    return natural(parse_object(health).get("tokens_generated"), below=1 << 53)


FORMAT = Format(media=("application/json",), split=whole_body, interpret=interpret, counts_tokens=False)
