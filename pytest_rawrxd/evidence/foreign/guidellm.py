"""GuideLLM, ``benchmarks.json``.

Seen: its metric schemas (benchmark/schemas/generative/metrics.py) and other projects' readers of such files.
Constructed: the values in our tests; no file of a run was seen.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.foreign.figure import Document, ForeignFigure, Reader, has, positive, table

SENT = "times count from the actual send on the wall clock; ours from the intended instant on a monotonic one"
ZEROS = "a request without a value counts as 0.0; ours leaves it out with its reason"
AVERAGED = (
    "(last - first token) / (tokens - 1) of each request, weighted with its tokens: only the first and the last token "
    "are kept, so no gap exists; ours pools every gap"
)
METRICS = {
    "output_tokens_per_second": (
        "aggregate_tps",
        "tok/s",
        ("tokens that end inside the measured window, prefill included; ours while exactly N streams decode",),
    ),
    "inter_token_latency_ms": (
        "inter_token_latency",
        "ms",
        (AVERAGED, ZEROS),
    ),
    "time_to_first_token_ms": ("time_to_first_token", "ms", (SENT, ZEROS)),
}
PERCENTILES = ("p50", "p95", "p99")


def _wrote(document: Document) -> bool:
    benchmarks = document.get("benchmarks")
    return isinstance(benchmarks, list) and all(isinstance(each, dict) and has(each, "metrics") for each in benchmarks)


def _read(document: Document, _number: int) -> Iterator[ForeignFigure]:
    if not document["benchmarks"]:
        raise EvidenceProblem("a result file without a benchmark", where="benchmarks")
    for at, benchmark in enumerate(document["benchmarks"]):
        metrics = table(benchmark, "metrics")
        for name, (metric, unit, mismatches) in METRICS.items():
            if name not in metrics:
                continue
            place = f"benchmarks[{at}].metrics.{name}.successful"
            found = table(metrics, name, "successful")
            conditions: dict[str, str | int] = {"benchmark": at + 1, **_strategy(benchmark)}
            yield ForeignFigure(
                metric,
                name,
                unit,
                (positive(found, "mean", where=place),),
                {**conditions, "statistic": "avg"},
                mismatches,
            )
            if metric != "aggregate_tps" and "percentiles" in found:
                percentiles = table(found, "percentiles")
                for statistic in PERCENTILES:
                    if statistic in percentiles:
                        value = positive(percentiles, statistic, where=f"{place}.percentiles")
                        yield ForeignFigure(
                            metric, name, unit, (value,), {**conditions, "statistic": statistic}, mismatches
                        )


def _strategy(benchmark: Document) -> dict[str, str | int]:
    """The load's kind and its streams, where the file states them."""
    config = benchmark.get("config")
    strategy = config.get("strategy") if isinstance(config, dict) else None
    if not isinstance(strategy, dict):
        return {}
    found: dict[str, str | int] = {}
    if isinstance(strategy.get("type_"), str):
        found["strategy"] = strategy["type_"]
    if isinstance(strategy.get("streams"), int) and not isinstance(strategy["streams"], bool):
        found["streams"] = strategy["streams"]
    return found


READER = Reader("GuideLLM", "guidellm benchmark, benchmarks.json", _wrote, _read)
