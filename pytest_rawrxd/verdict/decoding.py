"""Single-stream decoding as samples: one value per fresh process, recomputed from every token's instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.decode import RUN
from pytest_rawrxd.verdict.sample import Floats, Integers, rising
from pytest_rawrxd.verdict.steady import FEWEST_POINTS, Steady, steady_requests, steady_steps

STEP_BATCH = 32


@dataclass(frozen=True, eq=False)
class DecodeProcess:
    """What one fresh process showed.

    ``gaps_ns`` (k,) are the steady inter-token gaps, ``tps`` = k / their sum; ``received`` (r,) tokens per request and
    ``request_tps`` (r,) their rates, warm-up included. ``window_ns`` is its loaded time: first submission, last token.
    """

    record: Record
    received: Integers
    request_tps: Floats
    window_ns: tuple[int, int]
    gaps_ns: Integers
    steady: Steady

    @property
    def decode_ns(self) -> int:
        """Raw decode time of the steady part, in ns."""
        return int(self.gaps_ns.sum())

    @property
    def tps(self) -> float:
        """Tokens per second of decode time."""
        return self.gaps_ns.size / (self.decode_ns / 1e9)


def decode_processes(evidence: Evidence, variant: str, tokens: int, kind: str = RUN) -> list[DecodeProcess]:
    """Every recorded process of one cell whose tokens have instants, in the order they ran.

    Raises EvidenceProblem for raw data that cannot be.
    """
    records = evidence.of(kind, variant=variant, tokens=tokens)
    return [_process(evidence, record) for record in records if untold(record.data, "itl") is None]


def untold(data: Mapping[str, Any], what: str) -> str | None:
    """Why the server that was measured cannot show ``what`` ("ttft", "itl", "tokens"); None where it can."""
    return (data.get("not_measurable") or {}).get(what)


def _process(evidence: Evidence, record: Record) -> DecodeProcess:
    raw = evidence.raw(record.data["raw"])
    try:
        offsets, stamps, submitted = raw["offsets"], raw["stamps_ns"], raw["submitted_ns"]
    except KeyError as error:
        raise EvidenceProblem("raw evidence lacks an array", where=record.id, found=str(error)) from error
    requests = split(stamps, offsets, where=record.id)
    steady, gaps = steady_gaps(requests, record.data["prompt_tokens"])
    rates = np.array([(request.size - 1) / ((request[-1] - request[0]) / 1e9) for request in requests])
    return DecodeProcess(
        record=record,
        received=np.diff(offsets),
        request_tps=rates,
        window_ns=(int(submitted[0]), int(stamps[-1])),
        gaps_ns=gaps,
        steady=steady,
    )


def split(stamps: npt.NDArray[Any], offsets: npt.NDArray[Any], *, where: str) -> list[Integers]:
    """Flat token instants (n,) in ns as one array a request, by ``offsets`` (k+1,).

    Raises EvidenceProblem when the offsets do not cover the stamps, a request has fewer than two tokens, or time runs
    backwards.
    """
    edges = np.asarray(offsets, dtype=np.int64)
    if edges.ndim != 1 or edges.size < 2 or edges[0] != 0 or edges[-1] != stamps.size or (np.diff(edges) < 2).any():
        raise EvidenceProblem("the offsets do not divide the stamps into requests of two tokens or more", where=where)
    requests = [np.asarray(part, dtype=np.int64) for part in np.split(stamps, edges[1:-1])]
    for request in requests:
        rising(request, "the token instants")
        if request[-1] == request[0]:
            raise EvidenceProblem("a request's tokens all carry one instant: they were not timed", where=where)
    return requests


def steady_gaps(requests: Sequence[Integers], prompt_tokens: Sequence[int]) -> tuple[Steady, Integers]:
    """The part of a process after its warm-up, and its inter-token gaps (k,) in ns.

    With 21 requests or more warm-up is cut in whole requests, otherwise in steps; either way the first request goes,
    when another one is left.
    """
    gaps = [np.diff(request) for request in requests]
    if len(gaps) > FEWEST_POINTS:
        rates = np.array([gap.size / (gap.sum() / 1e9) for gap in gaps])
        steady = steady_requests(rates)
        return steady, np.concatenate(gaps[steady.dropped :])
    kept = range(1 if len(gaps) > 1 else 0, len(gaps))
    steps = np.concatenate([gaps[i] for i in kept])
    context: Floats = np.concatenate([prompt_tokens[i] + 1.0 + np.arange(gaps[i].size) for i in kept])
    steady = steady_steps(steps, context, batch=STEP_BATCH)
    return steady, steps[steady.dropped :]
