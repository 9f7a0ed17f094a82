"""OpenAI-compatible streaming: llama-server, vLLM, SGLang, LM Studio, llama-cpp-python's server.

Run for real in the tests: llama-server b10068 (``/v1/completions`` and ``/v1/chat/completions``). Constructed from the
published formats: vLLM (``return_token_ids``; its last text may come with the finish reason; usage in an event without
choices), SGLang and LM Studio (text only, usage in the last event), llama-cpp-python's server (comments as keep-alive).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_rawrxd.rig.server.framing import (
    EventError,
    error_text,
    member,
    nanoseconds,
    natural,
    parse_object,
    server_sent_events,
    token_ids,
)
from pytest_rawrxd.rig.server.reading import Format, Piece, read_reply
from pytest_rawrxd.rig.server.response import Ask, Finish, Reply, Response

FINISH = {"length": Finish.LENGTH, "stop": Finish.STOP}


@dataclass(frozen=True)
class OpenAI:
    """``/completions``, or ``/chat/completions`` for a server that has no other: templates add prompt tokens."""

    chat: bool = False
    name: str = "openai"
    base_path: str = "/v1"
    not_measurable: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where to POST, below the base URL."""
        return "/chat/completions" if self.chat else "/completions"

    def body(self, ask: Ask) -> dict[str, Any]:
        """The JSON object to send. Fields that a server does not know, it ignores."""
        prompt = {"messages": [{"role": "user", "content": ask.prompt}]} if self.chat else {"prompt": ask.prompt}
        return {
            "model": ask.model or "default",
            **prompt,
            "max_tokens": ask.max_tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
            "ignore_eos": True,
            "cache_prompt": False,
            "return_token_ids": True,  # vLLM
        }

    def read(self, response: Response, ask: Ask) -> Reply:
        """What the kept bytes say."""
        return read_reply(response, ask, FORMAT)


def interpret(data: bytes) -> Piece:
    """One event of an OpenAI-compatible stream."""
    if data == b"[DONE]":
        return Piece(end=True)
    event = parse_object(data)
    if (error := error_text(event)) is not None:
        return Piece(error=error)
    usage, timings, choice = member(event, "usage"), member(event, "timings"), _choice(event)
    reason = choice.get("finish_reason")
    return Piece(
        text=_text(choice),
        ids=token_ids(choice.get("token_ids")),
        reported=natural(usage.get("completion_tokens")),
        prompt_tokens=natural(usage.get("prompt_tokens")),
        cached_tokens=natural(member(usage, "prompt_tokens_details").get("cached_tokens")),
        decode_ns=nanoseconds(timings.get("predicted_ms"), 1e6),
        finish=FINISH.get(reason, Finish.OTHER) if isinstance(reason, str) else None,
    )


def _text(choice: dict[str, Any]) -> str:
    delta = member(choice, "delta")
    for found in (choice.get("text"), delta.get("content"), delta.get("reasoning_content"), delta.get("reasoning")):
        if isinstance(found, str) and found:
            return found
    return ""


def _choice(event: dict[str, Any]) -> dict[str, Any]:
    match event.get("choices"):
        case None | []:
            return {}
        case [dict(choice)]:
            return choice
    raise EventError("an event needs a list of at most one choice")


FORMAT = Format(media=("text/event-stream",), split=server_sent_events, interpret=interpret)
