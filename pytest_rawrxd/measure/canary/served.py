"""Canaries asked of a server, in the words of its dialect, with everything that it tells about its tokens.

Likelihoods: llama-server tells them with ids; the OpenAI API by the text of a token, as vLLM, SGLang and llama-server
do behind it; Ollama from 0.12.11 on; RawrXD's server tells neither tokens nor likelihoods. A token without an id gets
the CRC-32 of its text as one. Run for real in the tests: llama-server b10068, its own endpoint and its OpenAI ones.
Constructed from the published formats: the others.
"""

from __future__ import annotations

import itertools
import json
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pytest_rawrxd.measure.canary.song import OK, TOKENS, TOP, Canary, Sung, Top
from pytest_rawrxd.rig.server.dialects import DIALECTS
from pytest_rawrxd.rig.server.framing import EventError, natural, parse_object
from pytest_rawrxd.rig.server.probe import exchange
from pytest_rawrxd.rig.server.response import Ask
from pytest_rawrxd.rig.server.target import HttpTarget

Post = Callable[[str, Mapping[str, Any], float], tuple[int | None, bytes]]
CRC_MASK = 0x7FFFFFFF  #: an id is never negative
ANSWER_LIMIT = 64 << 20  #: bytes
MOST = 65_536  #: tokens that an answer may tell of, likely ones of each place among them
LETTERS = 64  #: of a token
MOST_LOG = 1e9  #: of a likelihood; servers that cannot write an infinity say -9999


@dataclass(frozen=True)
class ServerChoir:
    """A server, or a fleet: alone, canaries ask its first server; together, all of them in turn.

    ``key`` is what its key_env names; it never reaches a record.
    """

    target: HttpTarget
    deadline_s: float
    key: str | None = None
    clock: Callable[[], int] = time.perf_counter_ns
    post: Post | None = None

    def sing(self, birds: Sequence[Canary], *, together: bool) -> list[Sung]:
        places = self.target.places if together else self.target.places[:1]
        with ThreadPoolExecutor(max_workers=len(birds) if together else 1) as pool:
            return list(pool.map(self._one, birds, itertools.cycle(places)))

    def _one(self, bird: Canary, url: str) -> Sung:
        target, dialect = self.target, DIALECTS[self.target.dialect]
        asked = {**dialect.body(Ask(bird.prompt, TOKENS, target.model)), **_MORE.get(target.dialect, {})}
        asked.pop("stream_options", None)  # of streams alone: servers refuse them beside one answer
        post = self.post or (lambda url, body, deadline_s: _post(url, body, deadline_s, target.ca_file, self.key))
        status, answer = post(url, {**asked, "stream": False}, self.deadline_s)
        if self.key:
            answer = answer.replace(self.key.encode(), b"*" * len(self.key))
        return _read(target.dialect, status, answer, self.clock())


_MORE: Mapping[str, Mapping[str, Any]] = {
    "llama-server": {"n_probs": TOP},
    "openai": {"logprobs": TOP},
    "openai-chat": {"logprobs": True, "top_logprobs": TOP},
    "ollama": {"logprobs": True, "top_logprobs": TOP},
}


def _read(dialect: str, status: int | None, answer: bytes, ended_ns: int) -> Sung:
    if status == OK:
        try:
            text, ids, top, reported = _READERS[dialect](parse_object(answer))
            _refuse_unsound(text, ids, top, reported)
            return Sung(status, text, ids, top, reported, ended_ns)
        except (EventError, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError):
            status = None
    return Sung(status, "", (), (), None, ended_ns)


def _refuse_unsound(text: str, ids: tuple[int, ...] | None, top: Top | None, reported: int | None) -> None:
    """Raise ValueError for words of a stranger that no record can hold."""
    text.encode()  # half a character ends here
    ranked = [entry for place in top or () for entry in place]
    numbers = [*(ids or ()), *(token for token, _ in ranked), *(() if reported is None else (reported,))]
    if len(ranked) > MOST or len(numbers) > 2 * MOST or len(text) > MOST * LETTERS:
        raise ValueError("an answer of more tokens than any that was asked for")
    if any(natural(number) is None for number in numbers) or not all(abs(log) <= MOST_LOG for _, log in ranked):
        raise ValueError("no token and no likelihood")


Told = tuple[str, tuple[int, ...] | None, Top | None, int | None]


def _llama_server(found: Mapping[str, Any]) -> Told:
    top = tuple(_ranked(place["top_logprobs"]) for place in found["completion_probabilities"])
    return str(found["content"]), tuple(map(int, found["tokens"])), top, int(found["tokens_predicted"])


def _openai(found: Mapping[str, Any]) -> Told:
    choice = found["choices"][0]
    text = str(choice["text"] if "text" in choice else choice["message"]["content"])
    reported = (found.get("usage") or {}).get("completion_tokens")
    ids, top = _likelihoods(choice.get("logprobs"))
    if choice.get("token_ids"):  # vLLM
        ids = tuple(map(int, choice["token_ids"]))
    return text, ids, top, None if reported is None else int(reported)


def _likelihoods(told: Mapping[str, Any] | None) -> tuple[tuple[int, ...] | None, Top | None]:
    """What both forms of log probabilities say: a list of places, or the older lists beside each other."""
    if not told:
        return None, None
    if told.get("content"):
        return tuple(map(_id, told["content"])), tuple(_ranked(place["top_logprobs"]) for place in told["content"])
    if not told.get("tokens"):
        return None, None
    ids = tuple(_crc(token) for token in told["tokens"])
    if not told.get("top_logprobs"):
        return ids, None
    ranked = [sorted(place.items(), key=lambda entry: -float(entry[1])) for place in told["top_logprobs"]]
    return ids, tuple(tuple((_crc(token), float(log)) for token, log in place) for place in ranked)


def _ollama(found: Mapping[str, Any]) -> Told:
    places = found.get("logprobs") or None
    ids = None if places is None else tuple(map(_id, places))
    top = None if places is None else tuple(_ranked(place["top_logprobs"]) for place in places)
    return str(found["response"]), ids, top, None if found.get("eval_count") is None else int(found["eval_count"])


def _rawrxd(found: Mapping[str, Any]) -> Told:
    text = str(found["response"])
    if not text or text.startswith("Error:"):
        raise ValueError("no answer")
    return text, None, None, None


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Told]] = {
    "llama-server": _llama_server,
    "openai": _openai,
    "openai-chat": _openai,
    "ollama": _ollama,
    "rawrxd": _rawrxd,
}


def _ranked(place: Sequence[Mapping[str, Any]]) -> tuple[tuple[int, float], ...]:
    return tuple((_id(entry), float(entry["logprob"])) for entry in place)


def _id(entry: Mapping[str, Any]) -> int:
    return int(entry["id"]) if "id" in entry else _crc(entry["token"])


def _crc(token: str) -> int:
    return zlib.crc32(token.encode()) & CRC_MASK


def _post(
    url: str, body: Mapping[str, Any], deadline_s: float, ca_file: str | None, key: str | None
) -> tuple[int | None, bytes]:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    answer = exchange(
        "POST",
        url,
        timeout_s=deadline_s,
        deadline_s=deadline_s,
        limit=ANSWER_LIMIT,
        headers=headers,
        body=json.dumps(body),
        ca_file=ca_file,
    )
    return answer or (None, b"")
