"""What the same token instants read as in other tools' definitions of ITL and TPOT.

The words are the same, the numbers are not. Each reading follows the source named with it; tokens of one chunk share
one instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.verdict.gaps import tokens
from pytest_rawrxd.verdict.sample import Floats, Integers

NANOSECONDS_PER_MS = 1e6


@dataclass(frozen=True)
class Reading:
    """One tool's number for the measured run. Milliseconds; None where the definition has no value."""

    tool: str
    metric: str  #: the tool's own name of it
    definition: str
    source: str
    count: int
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


def readings(submitted_ns: npt.ArrayLike, offsets: npt.ArrayLike, stamps_ns: npt.ArrayLike) -> tuple[Reading, ...]:
    """Return what five tools would print for k requests.

    ``submitted_ns`` (k,), ``offsets`` (k + 1,), ``stamps_ns`` (tokens,) in whole ns; requests below two tokens have no
    decode time and are left out, as all five do. EvidenceProblem on instants that go back.
    """
    starts, stamps = tokens(offsets, stamps_ns)
    requests = [stamps[begin:end] for begin, end in pairwise(starts) if end - begin > 1]
    chunks = [np.unique(request, return_counts=True) for request in requests]
    submitted = np.asarray(submitted_ns, dtype=np.int64)[np.diff(starts) > 1]
    sizes = np.array([request.size for request in requests], dtype=np.float64)
    firsts = np.array([sizes[0] for _, sizes in chunks], dtype=np.float64)
    decode = np.array([request[-1] - request[0] for request in requests], dtype=np.float64)
    whole = np.array([request[-1] for request in requests], dtype=np.float64) - submitted
    chunk_gaps = _joined([np.diff(instants) for instants, _ in chunks])
    spread = _joined([np.repeat(np.diff(instants) / sizes[1:], sizes[1:]) for instants, sizes in chunks])
    per_token = decode / (sizes - 1)
    after_first = sizes > firsts
    return (
        _reading(
            "vLLM", "ITL", "gap between chunks, pooled", "vllm/benchmarks/lib/endpoint_request_func.py", chunk_gaps
        ),
        _reading(
            "vLLM",
            "TPOT",
            "(latency - TTFT) / (output tokens - 1) per request",
            "vllm/benchmarks/serve.py, calculate_metrics",
            per_token,
        ),
        _reading(
            "SGLang",
            "ITL",
            "gap between chunks over its tokens, once a token (native backend)",
            "python/sglang/bench_serving.py, async_request_sglang_generate",
            spread,
        ),
        _reading(
            "AIPerf",
            "inter_token_latency",
            "(request latency - TTFT) / (output tokens - tokens of the first chunk) per request",
            "aiperf/metrics/types/inter_token_latency_metric.py",
            (decode / np.where(after_first, sizes - firsts, 1))[after_first],
        ),
        _reading(
            "AIPerf",
            "inter_chunk_latency",
            "gap between chunks, pooled",
            "aiperf/metrics/types/inter_chunk_latency_metric.py",
            chunk_gaps,
        ),
        _reading(
            "inference-perf",
            "inter_token_latency",
            "gap between tokens, pooled; 0 inside a chunk",
            "inference_perf/reportgen/base.py, compute_request_latency_metrics",
            _joined([np.diff(request) for request in requests]),
        ),
        _reading(
            "inference-perf",
            "time_per_output_token",
            "(last token - first token) / (output tokens - 1) per request",
            "inference_perf/reportgen/base.py, compute_request_latency_metrics",
            per_token,
        ),
        _reading(
            "inference-perf",
            "normalized_time_per_output_token",
            "request latency / output tokens per request",
            "inference_perf/reportgen/base.py, compute_request_latency_metrics",
            whole / sizes,
        ),
        _reading(
            "MLPerf Inference",
            "TPOT",
            "(latency - TTFT) / (output tokens - 1) per sample, whole ns, entry int(n p) of the sorted list",
            "mlcommons/inference loadgen/logging.cc and loadgen/results.cc, ProcessTokenLatencies",
            np.floor(per_token),
            by_rank=True,
        ),
    )


def _reading(
    tool: str, metric: str, definition: str, source: str, values_ns: Floats | Integers, *, by_rank: bool = False
) -> Reading:
    if not values_ns.size:
        return Reading(tool, metric, definition, source, 0, None, None, None, None)
    values = np.sort(values_ns) / NANOSECONDS_PER_MS
    if by_rank:
        percentiles = [float(values[int(values.size * share)]) for share in (0.5, 0.95, 0.99)]
    else:
        percentiles = [float(value) for value in np.percentile(values, [50, 95, 99])]
    return Reading(tool, metric, definition, source, values.size, float(values.mean()), *percentiles)


def _joined(parts: list[npt.NDArray[np.float64]] | list[Integers]) -> Floats:
    return np.concatenate(parts).astype(np.float64) if parts else np.empty(0)
