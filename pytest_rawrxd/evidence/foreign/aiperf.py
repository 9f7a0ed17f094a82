"""AIPerf, ``profile_export_aiperf.json``.

Seen: its JSON export schema page (schema 1.5) with the example there. Constructed: the other metric blocks in our
tests, after that page; no file of a run was seen.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.foreign.figure import Document, ForeignFigure, Reader, has, positive, table

STATISTICS = ("avg", "p50", "p95", "p99")
SENT = "times count from the actual send; ours from the intended instant, so waiting in the client is not hidden"
CUT = "the run was cancelled: its figures are those of an unfinished run"
METRICS = {
    "output_token_throughput": (
        "aggregate_tps",
        "tokens/sec",
        "tok/s",
        ("all tokens over the whole benchmark, ramps and prefill included; ours while exactly N streams decode",),
    ),
    "inter_token_latency": (
        "inter_token_latency",
        "ms",
        "ms",
        (
            "one average a request, (latency - TTFT) / tokens after the first chunk: a stall inside a request is "
            "averaged away; ours pools every gap",
        ),
    ),
    "inter_chunk_latency": (
        "inter_chunk_latency",
        "ms",
        "ms",
        ("gaps between chunks, whatever tokens they carry; ours are gaps between tokens",),
    ),
    "time_to_first_token": ("time_to_first_token", "ms", "ms", (SENT,)),
    "request_latency": ("request_duration", "ms", "ms", (SENT,)),
}


def _wrote(document: Document) -> bool:
    return has(document, "schema_version") and any(name in document for name in METRICS)


def _read(document: Document, _number: int) -> Iterator[ForeignFigure]:
    cut = (CUT,) if document.get("was_cancelled") else ()
    for name, (metric, written, unit, mismatches) in METRICS.items():
        if name not in document:
            continue
        block = table(document, name)
        if block.get("unit") != written:
            raise EvidenceProblem(
                "a metric has another unit than its tool documents",
                where=f"{name}.unit",
                found=str(block.get("unit")),
                possible=written,
            )
        for statistic in STATISTICS:
            if statistic in block:
                value = positive(block, statistic, where=name)
                where = {"statistic": statistic}
                yield ForeignFigure(metric, name, unit, (value,), where, (*cut, *mismatches))


READER = Reader("AIPerf", "aiperf profile, profile_export_aiperf.json", _wrote, _read)
