"""Canaries asked of the engine in process: tokens from its decode loop, likelihoods from reading its answers alone.

A batch tells no likelihoods here. What it answered is read again, alone and from an empty cache: at each place the
engine then says how likely it finds the token that the batch chose. Of an answer that is right within batching, each
token is nearly as likely as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pytest_rawrxd.errors import EngineCrashed, EngineHung, RigTrouble
from pytest_rawrxd.measure.canary.song import OK, TOKENS, TOP, Canary, Sung, Top
from pytest_rawrxd.rig.engine.protocol import Engine, Generation, Request
from pytest_rawrxd.rig.engine.reasons import LENGTH

PROMPT = 2 * TOKENS  #: tokens: only the second half of a text is scored, and the answer has to lie in it


@dataclass(frozen=True)
class EngineChoir:
    """A loaded engine."""

    engine: Engine
    deadline_s: float  #: of one request

    def sing(self, birds: Sequence[Canary], *, together: bool) -> list[Sung]:
        prompts = [self._prompt(bird) for bird in birds]
        asked = [Request(prompt, TOKENS, timeout_s=self.deadline_s) for prompt, _ in prompts]
        whole = len(birds) * self.deadline_s
        if together:
            found = self.engine.generate(asked, deadline_s=whole)
        else:
            found = [self.engine.generate([each], deadline_s=self.deadline_s)[0] for each in asked]
        return [self._sung(each, prompt, nonce) for each, (prompt, nonce) in zip(found, prompts, strict=True)]

    def _prompt(self, bird: Canary) -> tuple[list[int], tuple[int, ...]]:
        """The prompt in tokens, filled up with its nonce, and the tokens of the nonce inside it."""
        words = bird.prompt.split()
        shorter, longer = (self.engine.tokenize(" ".join(words[:count])) for count in (len(words) - 1, len(words)))
        nonce = longer[len(shorter) :] if longer[: len(shorter)] == shorter else longer[1:]
        while len(longer) < PROMPT:
            longer = longer + nonce
        return [longer[0], *longer[len(longer) - PROMPT + 1 :]], tuple(nonce)

    def _sung(self, found: Generation, prompt: list[int], nonce: tuple[int, ...]) -> Sung:
        ids = tuple(found.token_ids.tolist())
        ended = int(found.stamps_ns[-1]) if found.stamps_ns.size else found.submitted_ns
        status = OK if found.finish_reason == LENGTH else None
        top = self._read_alone(prompt, ids) if status == OK and len(ids) == TOKENS else None
        return Sung(status, "", ids, top, int(found.stamps_ns.size), ended, nonce, top is not None)

    def _read_alone(self, prompt: list[int], ids: tuple[int, ...]) -> Top | None:
        """The most likely tokens at each place of the answer; None where the engine shows no logits."""
        with TemporaryDirectory(prefix="rawrxd-canary-", ignore_cleanup_errors=True) as scratch:
            kept = Path(scratch) / "logits.npy"
            try:
                chunk = np.array([[*prompt, *ids]], np.int32)
                self.engine.score(chunk, keep=kept, deadline_s=self.deadline_s)
            except (EngineCrashed, EngineHung):
                raise
            except RigTrouble:
                return None
            logits = np.load(kept, allow_pickle=False)[0, -len(ids) :].astype(np.float64)
        logs = logits - np.log(np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True))
        logs -= logits.max(axis=1, keepdims=True)
        best = np.argsort(-logs, axis=1, kind="stable")[:, :TOP]
        return tuple(
            tuple((int(token), float(logs[place, token])) for token in ranked)
            for place, ranked in enumerate(_with_chosen(best, ids))
        )


def _with_chosen(best: np.ndarray[tuple[int, ...], np.dtype[np.int64]], ids: tuple[int, ...]) -> list[list[int]]:
    """The best tokens of each place; the chosen one in place of the last where it is not among them."""
    rows = [row.tolist() for row in best]
    return [row if chosen in row else [*row[:-1], chosen] for row, chosen in zip(rows, ids, strict=True)]
