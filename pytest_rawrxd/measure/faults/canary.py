"""Canaries: greedy generations whose answers are known, because the same server gave them before, alone.

Each prompt carries a nonce that stands nowhere else and that its answer goes on repeating, so that an answer of another
stream shows. ``measure_canaries`` is for anybody who wants to know whether answers are still right: a fault campaign
before, during and after its faults, a soak at its end.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np

from pytest_rawrxd.measure.load.arrays import ABSENT
from pytest_rawrxd.measure.sink import Sink

CANARY = "canary"
TOP = 5  #: tokens whose likelihood is kept at each position
TOKENS = 12
REPEATED = 3

#: "reference": alone, on an idle server, before anything else. "solo": alone again. "together": all at once, beside
#: whatever load there is. "device": alone, on another device than the reference.
Stage = Literal["reference", "solo", "together", "device"]
Ask = Callable[[str, Mapping[str, Any], float], tuple[int | None, bytes]]


@dataclass(frozen=True)
class Canary:
    """One prompt with its nonce."""

    nonce: str
    prompt: str


@dataclass(frozen=True)
class Sung:
    """One answer; ids and likelihoods by position, empty where the request failed."""

    status: int | None
    text: str
    ids: tuple[int, ...]
    top: tuple[tuple[tuple[int, float], ...], ...]
    reported: int | None
    ended_ns: int

    @property
    def answered(self) -> bool:
        """Whether there is an answer to compare."""
        return self.status == 200


def canaries(count: int, seed: int) -> tuple[Canary, ...]:
    """``count`` prompts that no other seed has."""
    nonces = [hashlib.sha256(f"canary {seed} {number}".encode()).hexdigest()[:8] for number in range(count)]
    return tuple(Canary(nonce, " ".join([nonce] * REPEATED)) for nonce in nonces)


def measure_canaries(
    base_url: str,
    birds: Sequence[Canary],
    *,
    during: str,
    stage: Stage,
    when: str,
    deadline_s: float,
    sink: Sink,
    about: Mapping[str, Any],
    clock: Callable[[], int] = time.perf_counter_ns,
    ask: Ask | None = None,
) -> int | None:
    """Ask a llama-server for every canary and record the answers; the instant of the last one if all were answered.

    ``during`` is the activity that they belong to ("faults", "soak", "load"), ``when`` says in words what happened
    meanwhile. Alone means one after the other; "together" means all at once.
    """
    post = ask or _post

    def sing(bird: Canary) -> Sung:
        status, answer = post(f"{base_url}/completion", _body(bird), deadline_s)
        return _read(status, answer, clock())

    with ThreadPoolExecutor(max_workers=len(birds) if stage == "together" else 1) as pool:
        sung = list(pool.map(sing, birds))
    data = {
        **about,
        "during": during,
        "stage": stage,
        "when": when,
        "nonces": [bird.nonce for bird in birds],
        "texts": [found.text for found in sung],
    }
    sink.record(CANARY, data, arrays_of(sung))
    return max(found.ended_ns for found in sung) if all(found.answered for found in sung) else None


def arrays_of(sung: Sequence[Sung]) -> dict[str, np.ndarray[Any, Any]]:
    """k answers of at most t tokens: ids (k, t), top ids and log likelihoods (k, t, TOP), counts and status (k,)."""
    longest = max((len(found.ids) for found in sung), default=0)
    ids = np.full((len(sung), longest), ABSENT, np.int32)
    top_ids = np.full((len(sung), longest, TOP), ABSENT, np.int32)
    top_logs = np.full((len(sung), longest, TOP), -np.inf, np.float32)
    for row, found in enumerate(sung):
        ids[row, : len(found.ids)] = found.ids
        for place, ranked in enumerate(found.top[:longest]):
            for rank, (token, log) in enumerate(ranked[:TOP]):
                top_ids[row, place, rank], top_logs[row, place, rank] = token, log
    return {
        "ids": ids,
        "top_ids": top_ids,
        "top_logs": top_logs,
        "lengths": np.array([len(found.ids) for found in sung], np.int32),
        "likelihoods": np.array([len(found.top) for found in sung], np.int32),
        "reported": np.array([ABSENT if found.reported is None else found.reported for found in sung], np.int32),
        "status": np.array([ABSENT if found.status is None else found.status for found in sung], np.int32),
        "ended_ns": np.array([found.ended_ns for found in sung], np.int64),
    }


def _body(bird: Canary) -> dict[str, Any]:
    return {
        "prompt": bird.prompt,
        "n_predict": TOKENS,
        "temperature": 0,
        "samplers": ["temperature"],
        "ignore_eos": True,
        "cache_prompt": False,
        "return_tokens": True,
        "n_probs": TOP,
    }


def _read(status: int | None, answer: bytes, ended_ns: int) -> Sung:
    failed = Sung(status if status != 200 else None, "", (), (), None, ended_ns)
    if status != 200:
        return failed
    try:
        found = json.loads(answer)
        top = tuple(
            tuple((int(entry["id"]), float(entry["logprob"])) for entry in place["top_logprobs"])
            for place in found["completion_probabilities"]
        )
        ids = tuple(int(token) for token in found["tokens"])
        return Sung(status, str(found["content"]), ids, top, int(found["tokens_predicted"]), ended_ns)
    except (ValueError, KeyError, TypeError):
        return failed


def _post(url: str, body: Mapping[str, Any], deadline_s: float) -> tuple[int | None, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=deadline_s)
    try:
        connection.request("POST", parts.path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None, b""
    finally:
        connection.close()
