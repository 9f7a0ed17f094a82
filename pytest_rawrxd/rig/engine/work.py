"""What an engine is asked to do and what became of it, as arrays: the batching loop reads and fills these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.rig.engine.protocol import Generation, Nanoseconds, Request, RunCost, TokenIds

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Work:
    """The k requests of one ``generate`` call as arrays: prompt i is ``prompts[offsets[i]:offsets[i + 1]]``."""

    prompts: TokenIds  #: (total,)
    offsets: Integers  #: (k + 1,)
    max_tokens: Integers  #: (k,)
    timeouts_ns: Nanoseconds  #: (k,), 0 where there is none
    lock_step: bool = False
    admit_for_ns: int | None = None

    def __len__(self) -> int:
        return len(self.max_tokens)


@dataclass(frozen=True, eq=False)
class ScoreWork:
    """One ``score`` call: the chunks of a text, where logits are kept, or whose logits they are compared with."""

    chunks: TokenIds  #: (chunks, tokens)
    keep: Path | None = None
    against: Path | None = None


class Said(NamedTuple):
    """The tokens of a few steps in a row, not yet put where they belong: that takes time and can wait."""

    requests: list[int]
    token_ids: npt.NDArray[np.intp]  #: (steps, requests)
    stamps_ns: list[int]  #: (steps,)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a Work: tokens and stamps of request i are ``[offsets[i]:offsets[i + 1]]``."""

    token_ids: TokenIds  #: (total,)
    stamps_ns: Nanoseconds  #: (total,)
    offsets: Integers  #: (k + 1,)
    submitted_ns: Nanoseconds  #: (k,)
    reasons: tuple[str, ...]  #: (k,)
    cost: RunCost


def work_from_requests(
    requests: Sequence[Request], *, lock_step: bool = False, admit_for_s: float | None = None
) -> Work:
    """Lay the requests out flat. Raises UsageProblem for an empty prompt or a length below one."""
    for place, request in enumerate(requests):
        if not len(request.prompt) or request.max_tokens < 1:
            raise UsageProblem(
                "a request needs a prompt and at least one token to generate",
                where=f"request {place} {request.id!r}".rstrip(),
                found=f"{len(request.prompt)} prompt tokens, max_tokens {request.max_tokens}",
            )
    prompts = [np.asarray(request.prompt, np.int32) for request in requests]
    return Work(
        np.concatenate([np.empty(0, np.int32), *prompts]),
        offsets_of([len(prompt) for prompt in prompts]),
        np.array([request.max_tokens for request in requests], np.int64),
        np.array([round((request.timeout_s or 0) * 1e9) for request in requests], np.int64),
        lock_step,
        None if admit_for_s is None else round(admit_for_s * 1e9),
    )


def generations_from_outcome(outcome: Outcome, requests: Sequence[Request]) -> list[Generation]:
    """One Generation a request, as views into the outcome's arrays. Raises ValueError for another number of them."""
    if len(outcome.submitted_ns) != len(requests):
        raise ValueError(f"{len(outcome.submitted_ns)} answers to {len(requests)} requests")
    ends = outcome.offsets.tolist()
    return [
        Generation(
            request.id,
            int(outcome.submitted_ns[i]),
            outcome.token_ids[ends[i] : ends[i + 1]],
            outcome.stamps_ns[ends[i] : ends[i + 1]],
            outcome.reasons[i],
            len(request.prompt),
        )
        for i, request in enumerate(requests)
    ]


def gathered(said: Sequence[Said], counts: Integers) -> tuple[TokenIds, Nanoseconds, Integers]:
    """Tokens, stamps and offsets of an Outcome: every token at its place in the answer of its request."""
    offsets = offsets_of(counts)
    token_ids, stamps_ns = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.int64)
    cursor = offsets[:-1].copy()
    for requests, tokens, stamps in said:
        places = cursor[requests] + np.arange(len(stamps))[:, np.newaxis]
        token_ids[places] = tokens
        stamps_ns[places] = np.array(stamps)[:, np.newaxis]
        cursor[requests] += len(stamps)
    return token_ids, stamps_ns, offsets


def offsets_of(lengths: Sequence[int] | Integers) -> Integers:
    """Where each of these runs begins, and where the last one ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.asarray(lengths, np.int64))])
