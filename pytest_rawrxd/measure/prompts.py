"""The texts that engines are asked to continue, in a seeded order."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from pytest_rawrxd.places import package_data

Item = TypeVar("Item")

NONCE_TOKENS = 4
WORDS_PER_TOKEN = 0.7  #: of these texts with the usual vocabularies: 0.69 to 0.76


def prompts(seed: int) -> tuple[str, ...]:
    """Every text of ``fixtures/prompts``, in an order that depends on ``seed`` only."""
    lines = (package_data("fixtures") / "prompts" / "prompts.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [str(json.loads(line)["text"]) for line in lines]
    random.Random(seed).shuffle(texts)  # noqa: S311 - an order, not a secret
    return tuple(texts)


def unique_prompts(texts: Sequence[Sequence[int]], *, count: int, length: int, seed: Sequence[int]) -> list[list[int]]:
    """``count`` prompts of ``length`` token ids: what a tokeniser puts first, a nonce, then one of ``texts`` in turn.

    The nonce comes first so that no cache knows a prefix; it is drawn from the tokens of the texts, because drawing is
    free where tokenising thousands of prompts is not.
    """
    start = list(texts[0][:1])
    pool = np.unique(np.concatenate([np.asarray(text[1:], np.int64) for text in texts]))
    nonces = pool[np.random.default_rng(list(seed)).integers(pool.size, size=(count, NONCE_TOKENS))].tolist()
    bodies = [_filled(text[1:], length) for text in texts]
    return [[*start, *nonce, *bodies[number % len(bodies)]][:length] for number, nonce in enumerate(nonces)]


def short_texts(texts: Sequence[str], *, tokens: int) -> tuple[str, ...]:
    """``texts`` cut or repeated to about ``tokens`` tokens each, for a server that is sent text."""
    words = max(1, round(tokens * WORDS_PER_TOKEN))
    return tuple(" ".join(_filled(text.split(), words)) for text in texts)


def _filled(items: Sequence[Item], length: int) -> list[Item]:
    return (list(items) * (1 + length // len(items)))[:length]
