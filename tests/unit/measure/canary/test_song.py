"""Canaries asked of a server that the test plays."""

import json

import numpy as np
import pytest

from pytest_rawrxd.measure.canary.served import ServerChoir
from pytest_rawrxd.measure.canary.song import TOKENS, canaries, measure_canaries
from pytest_rawrxd.rig.server.dialects import DIALECTS
from pytest_rawrxd.rig.server.target import HttpTarget

TOP = [{"id": 7, "logprob": -0.5}, {"id": 8, "logprob": -1.5}]


class Kept:
    def __init__(self):
        self.kind, self.data, self.arrays = "", {}, {}

    def record(self, kind, data, arrays=None):
        self.kind, self.data, self.arrays = kind, data, arrays
        return kind


def answer(tokens=2):
    body = {
        "content": "ab",
        "tokens": [7] * tokens,
        "tokens_predicted": tokens,
        "completion_probabilities": [{"id": 7, "top_logprobs": TOP}] * tokens,
    }
    return 200, json.dumps(body).encode()


def sing(ask, count=2, dialect="llama-server", key=None):
    kept, instants = Kept(), iter(range(100, 200))
    target = HttpTarget(dialect, "http://127.0.0.1:9" + DIALECTS[dialect].base_path, "m")
    found = measure_canaries(
        ServerChoir(target, 4.0, clock=lambda: next(instants), post=ask, key=key),
        canaries(count, seed=3),
        during="soak",
        stage="solo",
        when="at the end of the soak",
        sink=kept,
        about={"variant": "Q4_K"},
    )
    return found, kept


def test_each_canary_has_a_nonce_that_no_other_seed_has():
    birds = canaries(16, seed=1)

    assert len({bird.nonce for bird in birds} | {bird.nonce for bird in canaries(16, seed=2)}) == 32
    assert all(bird.prompt.split() == [bird.nonce] * 3 for bird in birds)


def test_answers_are_kept_with_their_likelihoods_and_three_counts():
    asked = []

    def ask(url, body, deadline_s):
        asked.append((url, body["n_predict"], deadline_s))
        return answer()

    ended, kept = sing(ask)

    assert asked == [("http://127.0.0.1:9/completion", TOKENS, 4.0)] * 2
    assert (ended, kept.kind, kept.data["during"], kept.data["variant"]) == (101, "canary", "soak", "Q4_K")
    assert kept.arrays["ids"].tolist() == [[7, 7]] * 2
    assert kept.arrays["top_ids"][0, 0, :2].tolist() == [7, 8]
    assert np.allclose(kept.arrays["top_logs"][0, 0, :2], [-0.5, -1.5])
    assert {name: kept.arrays[name].tolist() for name in ("reported", "lengths", "likelihoods")} == {
        "reported": [2, 2],
        "lengths": [2, 2],
        "likelihoods": [2, 2],
    }


def test_an_answer_that_failed_or_cannot_be_read_is_none():
    for status, body in ((None, b""), (503, b"{}"), (200, b"{"), (200, b'{"content": "a"}')):
        ended, kept = sing(lambda *_, status=status, body=body: (status, body))

        assert ended is None
        assert (kept.arrays["status"] != 200).all()
        assert kept.arrays["lengths"].tolist() == [0, 0]


OLDER = {
    "tokens": ["a", "b"],
    "token_logprobs": [-0.5, -0.25],
    "top_logprobs": [{"a": -0.5, "x": -1.5}, {"y": -2.0, "b": -0.25}],
}
PLACES = [
    {"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "a", "logprob": -0.5}]},
    {"token": "b", "logprob": -0.2, "top_logprobs": [{"token": "b", "logprob": -0.2}]},
]
USAGE = {"usage": {"completion_tokens": 2}}
ANSWERS = {
    "vLLM, SGLang": ("openai", {"choices": [{"text": "ab", "logprobs": OLDER}], **USAGE}),
    "llama-server": ("openai", {"choices": [{"text": "ab", "logprobs": {"content": PLACES}}], **USAGE}),
    "chat": ("openai-chat", {"choices": [{"message": {"content": "ab"}, "logprobs": {"content": PLACES}}], **USAGE}),
    "Ollama": ("ollama", {"response": "ab", "eval_count": 2, "logprobs": PLACES}),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_tokens_and_likelihoods_are_read_from_every_dialect_that_tells_them(name):
    dialect, body = ANSWERS[name]

    ended, kept = sing(lambda *_: (200, json.dumps(body).encode()), dialect=dialect)

    assert ended is not None
    assert kept.data["texts"] == ["ab"] * 2
    assert kept.data["tells"] == {"ids": True, "likelihoods": True, "alone": False}
    assert {key: kept.arrays[key].tolist() for key in ("reported", "lengths", "likelihoods")} == {
        "reported": [2, 2],
        "lengths": [2, 2],
        "likelihoods": [2, 2],
    }
    assert (kept.arrays["ids"] == kept.arrays["top_ids"][:, :, 0]).all()
    assert len(set(kept.arrays["ids"][0].tolist())) == 2


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("openai", {"choices": [{"text": "ab", "logprobs": None}], **USAGE}),
        ("openai-chat", {"choices": [{"message": {"content": "ab"}}], **USAGE}),
        ("ollama", {"response": "ab", "eval_count": 2}),
        ("rawrxd", {"response": "ab", "done": True}),
    ],
)
def test_what_a_server_does_not_tell_is_absent_and_said_to_be(dialect, body):
    ended, kept = sing(lambda *_: (200, json.dumps(body).encode()), dialect=dialect)

    assert ended is not None
    assert kept.data["tells"] == {"ids": False, "likelihoods": False, "alone": False}
    assert kept.arrays["likelihoods"].tolist() == [-1, -1]
    assert kept.data["texts"] == ["ab"] * 2


@pytest.mark.parametrize("body", [{"response": "Error: No model loaded"}, {"response": ""}])
def test_rawrxds_errors_with_status_200_are_no_answers(body):
    ended, kept = sing(lambda *_: (200, json.dumps(body).encode()), dialect="rawrxd")

    assert ended is None
    assert kept.arrays["status"].tolist() == [-1, -1]


def test_a_server_is_asked_for_one_whole_answer_with_likelihoods():
    asked = []

    def ask(url, body, deadline_s):
        asked.append((url, body))
        return 503, b""

    for dialect in ("openai", "openai-chat", "ollama"):
        sing(ask, count=1, dialect=dialect)

    assert [url.removeprefix("http://127.0.0.1:9") for url, _ in asked] == [
        "/v1/completions",
        "/v1/chat/completions",
        "/api/generate",
    ]
    assert {body["stream"] for _, body in asked} == {False}
    assert all(body.get("logprobs") for _, body in asked)
    assert not any("stream_options" in body for _, body in asked)


def test_a_key_that_a_server_repeats_reaches_no_record():
    body = {"choices": [{"text": "your key is sk-secret"}], **USAGE}

    _, kept = sing(lambda *_: (200, json.dumps(body).encode()), dialect="openai", key="sk-secret")

    assert kept.data["texts"] == ["your key is *********"] * 2


def test_no_two_of_a_campaigns_nonces_end_alike():
    birds = canaries(36, seed=1)

    assert len({bird.nonce[-1] for bird in birds}) == 36


@pytest.mark.parametrize(("together", "asked"), [(False, ["9"] * 5), (True, ["9", "8", "7", "9", "8"])])
def test_alone_the_first_server_of_a_fleet_is_asked_and_together_all_of_them_in_turn(together, asked):
    ports = {}

    def ask(url, body, deadline_s):
        ports[body["prompt"]] = url.removeprefix("http://127.0.0.1:").partition("/")[0]
        return answer()

    others = ("http://127.0.0.1:8", "http://127.0.0.1:7")
    fleet = HttpTarget("llama-server", "http://127.0.0.1:9", others=others, servers=3)
    birds = canaries(5, seed=3)
    found = ServerChoir(fleet, 4.0, post=ask).sing(birds, together=together)

    assert [ports[bird.prompt] for bird in birds] == asked
    assert [each.ids for each in found] == [(7, 7)] * 5
