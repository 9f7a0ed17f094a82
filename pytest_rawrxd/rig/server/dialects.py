"""The dialects by name."""

from __future__ import annotations

from pytest_rawrxd.rig.server.dialect import Dialect
from pytest_rawrxd.rig.server.llama_server import LlamaServer
from pytest_rawrxd.rig.server.ollama import Ollama
from pytest_rawrxd.rig.server.openai import OpenAI
from pytest_rawrxd.rig.server.rawrxd import RawrXD

DIALECTS: dict[str, Dialect] = {
    "openai": OpenAI(),
    "openai-chat": OpenAI(chat=True, name="openai-chat"),
    "ollama": Ollama(),
    "rawrxd": RawrXD(),
    "llama-server": LlamaServer(),
}
