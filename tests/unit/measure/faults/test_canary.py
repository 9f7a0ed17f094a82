"""Canaries asked of a server that the test plays."""

import json

import numpy as np

from pytest_rawrxd.measure.faults.canary import TOKENS, canaries, measure_canaries

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


def sing(ask, count=2):
    kept, instants = Kept(), iter(range(100, 200))
    found = measure_canaries(
        "http://127.0.0.1:9",
        canaries(count, seed=3),
        during="soak",
        stage="solo",
        when="at the end of the soak",
        deadline_s=4.0,
        sink=kept,
        about={"variant": "Q4_K"},
        clock=lambda: next(instants),
        ask=ask,
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
