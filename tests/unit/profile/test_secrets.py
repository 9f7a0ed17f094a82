"""A profile is published with every run: one that holds a secret is refused, and the secret is not repeated."""

from __future__ import annotations

import pytest

from pytest_rawrxd.profile.secrets import secret_in

HELD = {
    "a server with a password": ('[protocol.phase2]\nbeside = ["openai:https://me:hunter2@host/v1"]', "phase2.beside"),
    "a target with a password": ('[protocol.faults]\ntarget = "openai:http://:hunter2@127.0.0.1:1"', "faults.target"),
    "a runbook with a password": ('[protocol.monitoring]\nrunbook = "https://me:hunter2@wiki/x"', "monitoring.runbook"),
    "a command with a key": (
        '[protocol.supervision]\ncommand = ["server", "--api-key", "hunter2"]',
        "supervision.command",
    ),
    "a hook with a header": (
        '[protocol.supervision.hooks]\npid = ["curl", "-H", "Authorization: Bearer hunter2"]',
        "hooks.pid",
    ),
    "an unknown key that says what it is": ('[protocol.supervision]\napi_key = "hunter2"', "supervision.api_key"),
    "a secret in a title": ('[target]\nitem = "postgres://me:hunter2@host/models"', "target.item"),
    "a secret beside another mistake": ('gates = 5\n[target]\nitem = "x://me:hunter2@host"', "target.item"),
}


@pytest.mark.parametrize(("text", "place"), HELD.values(), ids=HELD)
def test_a_profile_with_a_secret_is_refused_without_it(refused, text, place):
    words = refused(f"{text}\n")

    assert "hunter2" not in words
    assert "a profile is published with every run, and may hold no secret" in words
    assert "mine.toml:" in words
    assert place in words


@pytest.mark.parametrize(
    "text",
    [
        "openai:https://host/v1#model=a@b&key_env=HOST_KEY",
        "server --api-key {key} --port {port}",
        "server --api-key $KEY --hf-token %TOKEN%",
        "server --api-key-file keys.txt --tokens 12",
        "sign-off@example.org wrote https://host/a?b@c",
        "no secret: a token every 50 ms",
    ],
)
def test_what_only_looks_alike_is_none(text):
    assert secret_in(text) is None
