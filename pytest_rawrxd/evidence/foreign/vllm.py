"""vLLM, ``vllm bench serve --save-result``.

Seen: the code that writes the file (vllm/benchmarks/serve.py), all of its keys. Constructed: the values in our tests;
no file of a run was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_rawrxd.evidence.foreign.figure import Document, ForeignFigure, Reader, has, positive, whole

SENT = "times count from the actual send; ours from the intended instant"
AVERAGED = (
    "one average a request, (latency - TTFT) / (tokens - 1): a stall inside a request is averaged away; ours "
    "pools every gap"
)
CHUNKS = (
    "gaps between chunks, a chunk of several tokens counts once; ours are gaps between tokens, the first one dropped"
)
LATENCIES = {
    "ttft": ("time_to_first_token", "TTFT", (SENT,)),
    "tpot": (
        "tpot",
        "TPOT",
        (AVERAGED,),
    ),
    "itl": (
        "inter_token_latency",
        "ITL",
        (CHUNKS,),
    ),
    "e2el": ("request_duration", "E2EL", (SENT,)),
}
THROUGHPUT = (
    "tokens of completed requests over the whole benchmark, ramps and prefill included; ours while exactly N streams "
    "decode"
)
_STATISTIC = re.compile(r"(mean|median|p\d+(?:\.\d+)?)_(ttft|tpot|itl|e2el)_ms")
OURS = {"mean": "avg", "median": "p50"}


def _wrote(document: Document) -> bool:
    return has(document, "model_id", "num_prompts", "completed", "duration", "output_throughput", "max_concurrency")


def _read(document: Document, number: int) -> Iterator[ForeignFigure]:
    where = f"result {number}"
    conditions: dict[str, str | int] = {"model": str(document["model_id"])}
    if document["max_concurrency"] is not None:
        conditions["streams"] = whole(document, "max_concurrency", where=where)
    lost = whole(document, "num_prompts", where=where) - whole(document, "completed", where=where)
    failed = (f"{lost} requests did not complete and are left out",) if lost else ()
    yield ForeignFigure(
        "aggregate_tps",
        "output_throughput",
        "tok/s",
        (positive(document, "output_throughput", where=where),),
        {**conditions, "statistic": "avg"},
        (*failed, THROUGHPUT),
    )
    for key in document:
        if (found := _STATISTIC.fullmatch(key)) is None or (found[1] == "p50" and f"median_{found[2]}_ms" in document):
            continue
        metric, name, mismatches = LATENCIES[found[2]]
        statistic = OURS.get(found[1], found[1])
        yield ForeignFigure(
            metric,
            name,
            "ms",
            (positive(document, key, where=where),),
            {**conditions, "statistic": statistic},
            (*failed, *mismatches),
        )


READER = Reader("vLLM", "vllm bench serve --save-result", _wrote, _read)
