"""Ollama's NDJSON streaming. Constructed from its published API; not run here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_rawrxd.rig.server.framing import error_text, json_lines, nanoseconds, natural, parse_object
from pytest_rawrxd.rig.server.openai import FINISH
from pytest_rawrxd.rig.server.reading import Format, Piece, read_reply
from pytest_rawrxd.rig.server.response import Ask, Finish, Reply, Response


@dataclass(frozen=True)
class Ollama:
    """``/api/generate``. It cannot ignore end-of-sequence: a generation that ends by itself is counted as SHORT."""

    name: str = "ollama"
    path: str = "/api/generate"
    base_path: str = ""
    not_measurable: Mapping[str, str] = field(default_factory=dict)

    def body(self, ask: Ask) -> dict[str, Any]:
        """The JSON object to send; ``raw`` leaves out the template, so that prompts have the length they state."""
        return {
            "model": ask.model,
            "prompt": ask.prompt,
            "stream": True,
            "raw": True,
            "options": {"num_predict": ask.max_tokens, "temperature": 0},
        }

    def read(self, response: Response, ask: Ask) -> Reply:
        """What the kept bytes say."""
        return read_reply(response, ask, FORMAT)


def interpret(data: bytes) -> Piece:
    """One line of Ollama's stream."""
    event = parse_object(data)
    if (error := error_text(event)) is not None:
        return Piece(error=error)
    ended = event.get("done") is True
    reason = event.get("done_reason")
    texts = (event.get("response"), event.get("thinking"))
    return Piece(
        text=next((text for text in texts if isinstance(text, str) and text), ""),
        reported=natural(event.get("eval_count")),
        prompt_tokens=natural(event.get("prompt_eval_count")),
        decode_ns=nanoseconds(event.get("eval_duration")),
        finish=FINISH.get(reason, Finish.OTHER) if isinstance(reason, str) else None,
        end=ended,
    )


FORMAT = Format(media=("application/x-ndjson",), split=json_lines, interpret=interpret)
