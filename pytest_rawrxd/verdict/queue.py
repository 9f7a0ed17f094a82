"""A flooded queue read back: how many requests waited at once, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.rig.server.failure import Failure


@dataclass(frozen=True)
class Flood:
    """``answered`` waited and were completed, ``refused`` were turned away with 429 or 503; ``wrong`` is the rest."""

    waiting: int
    answered: int
    refused: int
    wrong: tuple[str, ...]


def flooded(data: Mapping[str, Any], raw: Mapping[str, npt.NDArray[Any]]) -> Flood:
    """Count what waited beyond the service's streams. EvidenceProblem where the arrays do not fit."""
    sent, ended, failure = (np.asarray(raw[name], np.int64) for name in ("sent_ns", "ended_ns", "failure"))
    if not sent.size == ended.size == failure.size > 0:
        raise EvidenceProblem("the arrays of a flooded queue do not fit each other")
    streams = int(data["streams"])
    whole = failure == Failure.NONE
    order = np.argsort(np.concatenate([ended, sent]), kind="stable")
    together = int(np.cumsum(np.repeat([-1, 1], sent.size)[order]).max())
    refused = int(np.count_nonzero(failure == Failure.OVERLOADED))
    others = Counter(Failure(code).sentence for code in failure[~whole & (failure != Failure.OVERLOADED)].tolist())
    ends = [event for event in data["events"] if event["kind"] in ("ended", "silent")]
    wrong = [f"{count} x {sentence}" for sentence, count in others.items()]
    wrong += [f"the process {event['kind']}: {event['said']}" for event in ends]
    answered = min(int(np.count_nonzero(whole)), together) - streams
    return Flood(max(0, together - streams), max(0, answered), refused, tuple(wrong))
