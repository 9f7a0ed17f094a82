"""What is planted: secrets under every name that the suite or its engines read, and under names of other people's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path


def canary(of: str) -> str:
    """A word that stands nowhere else, of letters and figures alone: no escape changes it."""
    return f"c4nary{hashlib.sha256(of.encode()).hexdigest()[:14]}"


#: The session gives the first to the load clients of one server and the second to those of another.
KEY, KEYRING = "CANARY_SERVER_KEY", "CANARY_OF_THE_KEYRING"
#: Variables of a secret, by how its value is written around the canary.
SECRET = "sk-{}/+=&"
PROXY = "http://user:{}@proxy.invalid:3128"
VARIABLES = {
    KEY: SECRET,
    KEYRING: SECRET,
    **dict.fromkeys(("OPENAI_API_KEY", "RAWRXD_CLIENT_KEY", "LLAMA_API_KEY", "LLAMA_ARG_API_KEY"), SECRET),
    **dict.fromkeys(("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), SECRET),
    **dict.fromkeys(("GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "NPM_TOKEN", "PGPASSWORD", "VAULT_PASSPHRASE"), SECRET),
    **dict.fromkeys(("GGML_REMOTE_PASSWORD", "VK_LICENSE_KEY", "XDG_SESSION_COOKIE", "LLAMA_PASSPHRASE"), SECRET),
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), PROXY),
    "PIP_INDEX_URL": "https://user:{}@index.invalid/simple",
    "GIT_CONFIG_VALUE_0": "AUTHORIZATION: basic {}",
    "GIT_URL": "https://user:{}@git.invalid/x.git",
    "RANDOM_SETTING": "{}",
}
GIT = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.extraheader"}
PROMPT, COMPLETION = canary("a prompt"), canary("a completion")


def environment() -> dict[str, str]:
    """The planted variables."""
    return {name: written.format(canary(name)) for name, written in VARIABLES.items()} | GIT


def texts() -> dict[str, str]:
    """What must be found nowhere, by where it was planted."""
    return {name: canary(name) for name in VARIABLES} | {"a prompt": PROMPT, "a completion": COMPLETION}


def write_prompts(folder: Path, *, count: int = 24) -> None:
    """Prompts that begin with the canary, where ``plugin`` lets the suite look for them."""
    place = folder / "fixtures" / "prompts"
    place.mkdir(parents=True)
    lines = [json.dumps({"text": f"{PROMPT} {n} goes on and on about the sea and its ships"}) for n in range(count)]
    (place / "prompts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def holders(environ: Mapping[str, str]) -> set[str]:
    """Names of the planted canaries that stand in the values of ``environ``."""
    return {name for name, word in texts().items() if any(word in value for value in environ.values())}
