"""Canaries of the engine in process, with an engine that the test plays."""

import numpy as np
import pytest

from pytest_rawrxd.errors import EngineCrashed, RigTrouble
from pytest_rawrxd.measure.canary.in_process import PROMPT, EngineChoir
from pytest_rawrxd.measure.canary.song import TOKENS, TOP, canaries
from pytest_rawrxd.rig.engine.protocol import Generation
from pytest_rawrxd.rig.models.quality import Scores

VOCABULARY = 300


class Played:
    """Answers token 200 + place; likes it best when it reads it, but for ``odd``: a place where it likes 1 better."""

    def __init__(self, *, odd=None, trouble=None, tokens=TOKENS):
        self.odd, self.trouble, self.tokens, self.asked = odd, trouble, tokens, []

    def tokenize(self, text):
        return [1, *text.encode()]

    def generate(self, requests, *, deadline_s):
        self.asked.append([list(each.prompt) for each in requests])
        ids = np.arange(200, 200 + self.tokens, dtype=np.int32)
        reason = "length" if self.tokens == TOKENS else "error: no KV cells"
        stamps = np.arange(self.tokens, dtype=np.int64) + 50
        return [Generation("", 10, ids, stamps, reason, len(each.prompt)) for each in requests]

    def score(self, chunks, *, keep, deadline_s):
        if self.trouble is not None:
            raise self.trouble
        scored = range(chunks.shape[1] // 2, chunks.shape[1] - 1)
        logits = np.zeros((1, len(scored), VOCABULARY), np.float32)
        for row, place in enumerate(scored):
            logits[0, row, chunks[0, place + 1]] = 9.0
        if self.odd is not None:
            logits[0, len(scored) - TOKENS + self.odd, 1] = 9.5
        with keep.open("xb") as file:
            np.save(file, logits)
        return Scores(np.zeros((1, len(scored))))


def test_answers_are_read_alone_and_every_place_has_its_likeliest_tokens():
    engine = Played(odd=3)

    first, _ = EngineChoir(engine, 5.0).sing(canaries(2, seed=1), together=False)

    assert first.ids == tuple(range(200, 200 + TOKENS))
    assert (first.answered, first.alone, first.reported, first.ended_ns) == (True, True, TOKENS, 49 + TOKENS)
    assert len(first.top) == TOKENS
    assert {len(place) for place in first.top} == {TOP}
    assert [place[0][0] for place in first.top] == [200, 201, 202, 1, *range(204, 200 + TOKENS)]
    assert first.top[3][0][1] - dict(first.top[3])[203] == pytest.approx(0.5)
    assert sum(np.exp(log) for _, log in first.top[0]) <= 1


def test_prompts_have_one_length_and_hold_their_nonce():
    engine, birds = Played(), canaries(3, seed=1)

    sung = EngineChoir(engine, 5.0).sing(birds, together=True)

    (asked,) = engine.asked
    assert {len(prompt) for prompt in asked} == {PROMPT}
    assert {prompt[0] for prompt in asked} == {1}
    for bird, prompt, answer in zip(birds, asked, sung, strict=True):
        assert bytes(answer.nonce_ids) == f" {bird.nonce}".encode()
        assert bird.nonce.encode() in bytes(prompt)


def test_alone_means_one_after_the_other():
    engine = Played()

    EngineChoir(engine, 5.0).sing(canaries(3, seed=1), together=False)

    assert [len(asked) for asked in engine.asked] == [1, 1, 1]


def test_an_engine_without_logits_tells_no_likelihoods_and_one_that_dies_is_trouble():
    trouble = RigTrouble("a scripted engine has no logits to score")
    (sung,) = EngineChoir(Played(trouble=trouble), 5.0).sing(canaries(1, seed=1), together=False)
    assert (sung.answered, sung.top, sung.alone) == (True, None, False)

    with pytest.raises(EngineCrashed):
        EngineChoir(Played(trouble=EngineCrashed("it ended")), 5.0).sing(canaries(1, seed=1), together=False)


def test_an_answer_that_broke_off_is_none():
    (sung,) = EngineChoir(Played(tokens=3), 5.0).sing(canaries(1, seed=1), together=False)

    assert not sung.answered
