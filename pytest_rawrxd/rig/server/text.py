"""The text of an answer, from the bytes that were kept of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from types import MappingProxyType

from pytest_rawrxd.rig.server import llama_server, ollama, openai, rawrxd
from pytest_rawrxd.rig.server.framing import EventError
from pytest_rawrxd.rig.server.reading import Format

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "llama-server": llama_server.FORMAT,
        "openai": openai.FORMAT,
        "openai-chat": openai.FORMAT,
        "ollama": ollama.FORMAT,
        "rawrxd": rawrxd.FORMAT,
    }
)


def text_of(body: bytes, dialect: str) -> str:
    """Everything that was generated, as far as the bytes can be read: an answer that broke off ends where it did."""
    form, pieces = FORMATS[dialect], list[str]()
    with contextlib.suppress(EventError):  # an answer that was cut inside an event: its text before that is told
        pieces.extend(form.interpret(event.data).text for event in form.split(body))
    return "".join(pieces)
