"""Canaries: greedy generations whose answers are known, because the same engine gave them before, alone.

Each prompt carries a nonce that stands nowhere else and that its answer goes on repeating, so that an answer of another
stream shows. The load test asks for them, a fault campaign before, during and after its faults, a soak at its end.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from pytest_rawrxd.measure.load.arrays import ABSENT
from pytest_rawrxd.measure.sink import Sink

CANARY = "canary"
TOP = 5  #: tokens whose likelihood is kept at each position
TOKENS = 12
REPEATED = 3
LAST = string.digits + string.ascii_lowercase  #: no two of so many nonces end alike: the last token tells them apart

#: "reference": alone, on an idle engine, before anything else. "solo": alone again. "together": all at once, beside
#: whatever load there is. "device": alone, on another device than the reference.
Stage = Literal["reference", "solo", "together", "device"]
Top = tuple[tuple[tuple[int, float], ...], ...]


@dataclass(frozen=True)
class Canary:
    """One prompt with its nonce."""

    nonce: str
    prompt: str


@dataclass(frozen=True)
class Sung:
    """One answer by position, nothing where the request failed. None for what this kind of engine does not tell.

    ``alone`` says that the likelihoods are those of these very tokens read alone, and not of the batch.
    """

    status: int | None
    text: str
    ids: tuple[int, ...] | None
    top: Top | None  #: token and log likelihood, the most likely first
    reported: int | None
    ended_ns: int
    nonce_ids: tuple[int, ...] = ()  #: of its prompt, where the answer has no text
    alone: bool = False

    @property
    def answered(self) -> bool:
        """Whether there is an answer to compare."""
        return self.status == OK


OK = 200  #: in process too: an answer that came


class Choir(Protocol):
    """Whoever answers canaries. Raises RigTrouble when an engine in process dies; a server's failure is an answer."""

    def sing(self, birds: Sequence[Canary], *, together: bool) -> list[Sung]:
        """Every answer in the order of ``birds``: one after the other, or all at once."""
        ...


def canaries(count: int, seed: object) -> tuple[Canary, ...]:
    """``count`` prompts that no other seed has."""
    digests = [hashlib.sha256(f"canary {seed} {number}".encode()).hexdigest() for number in range(count)]
    nonces = [f"{digest[:7]}{LAST[number % len(LAST)]}" for number, digest in enumerate(digests)]
    return tuple(Canary(nonce, " ".join([nonce] * REPEATED)) for nonce in nonces)


def measure_canaries(
    choir: Choir,
    birds: Sequence[Canary],
    *,
    during: str,
    stage: Stage,
    when: str,
    sink: Sink,
    about: Mapping[str, Any],
) -> int | None:
    """Ask for every canary and record the answers; the instant of the last one if all were answered.

    ``during`` is the activity that they belong to ("faults", "soak", "load"), ``when`` says in words what happened
    meanwhile.
    """
    sung = choir.sing(birds, together=stage == "together")
    told = [found for found in sung if found.answered]
    data = {
        **about,
        "during": during,
        "stage": stage,
        "when": when,
        "nonces": [bird.nonce for bird in birds],
        "nonce_ids": [list(found.nonce_ids) for found in sung],
        "texts": [found.text for found in sung],
        "tells": {
            "ids": all(found.ids is not None for found in told),
            "likelihoods": all(found.top is not None for found in told),
            "alone": all(found.alone for found in told),
        },
    }
    sink.record(CANARY, data, arrays_of(sung))
    return max(found.ended_ns for found in sung) if len(told) == len(sung) else None


def arrays_of(sung: Sequence[Sung]) -> dict[str, np.ndarray[Any, Any]]:
    """k answers of at most t tokens: ids (k, t), top ids and log likelihoods (k, t, TOP), counts and status (k,).

    A count that is not told is ABSENT.
    """
    longest = max((len(found.ids or ()) for found in sung), default=0)
    ids = np.full((len(sung), longest), ABSENT, np.int32)
    top_ids = np.full((len(sung), longest, TOP), ABSENT, np.int32)
    top_logs = np.full((len(sung), longest, TOP), -np.inf, np.float32)
    for row, found in enumerate(sung):
        mine = found.ids or ()
        ids[row, : len(mine)] = mine
        for place, ranked in enumerate((found.top or ())[:longest]):
            for rank, (token, log) in enumerate(ranked[:TOP]):
                top_ids[row, place, rank], top_logs[row, place, rank] = token, log
    return {
        "ids": ids,
        "top_ids": top_ids,
        "top_logs": top_logs,
        "lengths": np.array([_count(found.ids) for found in sung], np.int32),
        "likelihoods": np.array([_count(found.top) for found in sung], np.int32),
        "reported": np.array([ABSENT if found.reported is None else found.reported for found in sung], np.int32),
        "status": np.array([ABSENT if found.status is None else found.status for found in sung], np.int32),
        "ended_ns": np.array([found.ended_ns for found in sung], np.int64),
    }


def _count(told: Sequence[object] | None) -> int:
    return ABSENT if told is None else len(told)
