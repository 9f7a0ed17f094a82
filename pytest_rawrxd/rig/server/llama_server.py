"""llama-server's own streaming endpoint: the ids of the tokens in every event, which its OpenAI endpoint leaves out.

Run for real in the tests against llama-server b10068.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_rawrxd.rig.server.framing import (
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

STOP_TYPE = {"limit": Finish.LENGTH, "eos": Finish.STOP, "word": Finish.STOP}


@dataclass(frozen=True)
class LlamaServer:
    """``/completion``. ``[DONE]`` is not part of this stream: its last event says ``stop``."""

    name: str = "llama-server"
    path: str = "/completion"
    base_path: str = ""
    not_measurable: Mapping[str, str] = field(default_factory=dict)

    def body(self, ask: Ask) -> dict[str, Any]:
        """The JSON object to send. The sampler chain is cut to the greedy choice, which is what temperature 0 does."""
        return {
            "prompt": ask.prompt,
            "n_predict": ask.max_tokens,
            "temperature": 0,
            "samplers": ["temperature"],
            "stream": True,
            "ignore_eos": True,
            "cache_prompt": False,
            "return_tokens": True,
        }

    def read(self, response: Response, ask: Ask) -> Reply:
        """What the kept bytes say."""
        return read_reply(response, ask, FORMAT)


def interpret(data: bytes) -> Piece:
    """One event of llama-server's own stream."""
    event = parse_object(data)
    if (error := error_text(event)) is not None:
        return Piece(error=error)
    ended = event.get("stop") is True
    timings = member(event, "timings")
    total = natural(event.get("tokens_predicted"))
    return Piece(
        text=event["content"] if isinstance(event.get("content"), str) else "",
        ids=token_ids(event.get("tokens")),
        total=total,
        reported=total if ended else None,
        prompt_tokens=natural(event.get("tokens_evaluated")),
        cached_tokens=natural(timings.get("cache_n")),
        decode_ns=nanoseconds(timings.get("predicted_ms"), 1e6),
        finish=STOP_TYPE.get(str(event.get("stop_type")), Finish.OTHER) if ended else None,
        end=ended,
    )


FORMAT = Format(media=("text/event-stream",), split=server_sent_events, interpret=interpret)
