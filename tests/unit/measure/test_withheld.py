"""Prompts and completions stay out of the evidence unless the profile says otherwise, and what they decide stays in."""

import hashlib
import json

import numpy as np
import pytest

from pytest_rawrxd.measure.faults.crossed import crossed_requests
from pytest_rawrxd.measure.load.client import without
from pytest_rawrxd.measure.withheld import WITHHELD, Withholding
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.verdict.quality import quality_of

CANARY = "the quick canary of a prompt"
ANSWER = b'data: {"content":"an answer", "prompt": "%s"}\n\n' % CANARY.encode()


class Kept:
    def __init__(self):
        self.data, self.arrays = None, None

    def record(self, kind, data, arrays=None):
        self.data, self.arrays = data, arrays
        return "s001-main-1"


def kept(keep, kind, data, arrays=None):
    sink = Kept()
    assert Withholding(sink, keep).record(kind, data, arrays) == "s001-main-1"
    return sink.data, sink.arrays


def load(bodies, *, seed=5):
    whole = b"".join(bodies)
    rows = len(bodies)
    return {"seed": seed, "dialect": "llama-server"}, {
        "number": np.arange(rows, dtype=np.int64),
        "offsets": np.arange(rows + 1, dtype=np.int64),
        "id_offsets": np.arange(rows + 1, dtype=np.int64) * 2,
        "token_ids": np.arange(rows * 2, dtype=np.int32),
        "body_offsets": np.array([0, *np.cumsum([len(body) for body in bodies])], np.int64),
        "bodies": np.frombuffer(whole, np.uint8),
    }


def song():
    data = {"nonces": ["aaaa"], "texts": ["aaaa aaaa"], "stage": "solo"}
    return data, {"ids": np.ones((1, 2)), "top_ids": np.ones((1, 2, 5)), "top_logs": np.ones((1, 2, 5)), "status": 1}


def test_a_profile_that_says_nothing_keeps_nothing(tmp_path):
    shipped = load_profile("embedded")

    assert type(shipped.protocol).model_fields["keep_answers"].default == "none"
    assert shipped.protocol.keep_answers == load_profile("rx7800xt").protocol.keep_answers == "canaries"


@pytest.mark.parametrize("keep", ["none", "canaries"])
def test_received_bytes_and_token_ids_of_a_load_stay_out(keep):
    data, arrays = load([ANSWER, b"no event"])

    said, left = kept(keep, "fault.window", data, arrays)

    assert not {"bodies", "body_offsets", "token_ids"} & set(left)
    assert CANARY.encode() not in b"".join(array.tobytes() for array in left.values())
    assert left["crossed"].shape == (0, 2)
    assert left["id_offsets"].tolist() == [0, 2, 4]  # how many tokens each answer has
    assert left["answer_sha256"].shape == (2, 32)
    assert left["answer_sha256"][1].tobytes() == hashlib.sha256(b"\x02\0\0\0\x03\0\0\0").digest()
    assert said == data
    assert set(arrays) >= {"bodies", "token_ids"}  # the caller's own are left alone


def test_everything_stays_where_the_profile_says_all():
    data, arrays = load([ANSWER])
    assert kept("all", "fault.window", data, arrays) == (data, arrays)

    data, arrays = song()
    assert kept("all", "canary", data, arrays) == (data, arrays)


def test_an_answer_of_another_request_is_told_without_its_text():
    nonce = hashlib.sha256(b"5 1").hexdigest()[:12].encode()
    data, arrays = load([b'data: {"content":"%s"}\n\n' % nonce, b'data: {"content":"%s"}\n\n' % nonce])

    assert crossed_requests(arrays, seed=5, dialect="llama-server").tolist() == [[0, 1]]
    assert kept("none", "fault.queue", data, arrays)[1]["crossed"].tolist() == [[0, 1]]


def test_the_answers_to_canaries_are_a_choice_of_their_own():
    data, arrays = song()

    assert kept("canaries", "canary", data, arrays) == (data, arrays)
    said, left = kept("none", "canary", data, arrays)
    assert said == {"nonces": ["aaaa"], "stage": "solo"}
    assert left == {"status": 1}


@pytest.mark.parametrize("kind", ["decode.run", "load.run", "bandwidth.run"])
def test_generations_in_process_have_a_digest_each(kind):
    arrays = {"offsets": np.array([0, 1, 3]), "stamps_ns": np.arange(3), "token_ids": np.array([1, 2, 2], np.int32)}
    _, left = kept("canaries", kind, {}, arrays)

    assert sorted(left) == ["answer_sha256", "offsets", "stamps_ns"]
    assert left["answer_sha256"].shape == (2, 32)


def test_a_run_without_a_request_has_no_digest():
    arrays = {"offsets": np.array([0]), "token_ids": np.array([], np.int32)}

    assert kept("none", "load.run", {}, arrays)[1]["answer_sha256"].shape == (0, 32)


def test_a_scored_text_leaves_its_shape_and_its_scores():
    scores = np.arange(6.0).reshape(2, 3)
    chunks = np.zeros((2, 8), np.int32)

    _, left = kept("canaries", "quality", {}, {"chunks": chunks, "negative_log_likelihood": scores})

    assert sorted(left) == ["negative_log_likelihood", "text_shape"]
    whole = quality_of({"chunks": chunks, "negative_log_likelihood": scores}, where="q")
    assert quality_of(left, where="q") == whole


def test_words_of_a_good_response_stay_out_of_failures_and_exchanges():
    data = {
        "client": {
            "failures": {
                "MALFORMED": {"count": 1, "status": 200, "example": f'no JSON object: {{"text": "{CANARY}'},
                "OVERLOADED": {"count": 1, "status": 503, "example": "Loading model"},
            }
        },
        "talks": [
            {"status": 200, "type": None, "message": f'data: {{"content": "{CANARY}"}}', "good": True},
            {"status": 200, "type": "server_error", "message": "Compute error.", "good": False},
            {"status": 400, "type": "invalid", "message": "parse error", "good": True},
        ],
    }

    said, _ = kept("none", "fault.drill", data)

    assert CANARY not in json.dumps(said)
    assert [talk["message"] for talk in said["talks"]] == [WITHHELD, "Compute error.", "parse error"]
    assert {name: each["example"] for name, each in said["client"]["failures"].items()} == {
        "MALFORMED": WITHHELD,
        "OVERLOADED": "Loading model",
    }
    assert said["client"]["failures"]["MALFORMED"]["count"] == 1


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ("", ""),
        ("a word of it: quick", "a word of it: quick"),
        (f"bad prompt '{CANARY}' here", "bad prompt '[prompt]' here"),
        (f"bad prompt '{CANARY[:20]}…", "bad prompt '[prompt]…"),
        ("the quick cow", "the quick cow"),
        ("the quick ca", "[prompt]"),
        (f"{CANARY}{CANARY}", "[prompt][prompt]"),
    ],
)
def test_an_error_that_quotes_the_prompt_is_told_without_it(told, left):
    assert without(CANARY, told) == left
