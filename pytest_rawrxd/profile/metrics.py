"""The closed catalogue of what can be promised: name, dimension, formula, and the rules that may judge it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pytest_rawrxd.profile.kinds import Kind
from pytest_rawrxd.profile.units import Dimension

OWN_DIMENSIONS: Final[tuple[Dimension, ...]] = (
    "time",
    "token rate",
    "request rate",
    "data",
    "data rate",
    "ratio",
    "temperature",
)


@dataclass(frozen=True)
class Metric:
    """One measurable thing. ``where`` are the conditions that may be named with it, the required ones first."""

    name: str
    dimension: Dimension
    formula: str
    kinds: tuple[Kind, ...]
    where: tuple[str, ...] = ()
    required: int = 0  #: how many of ``where`` must be given
    signed: bool = False  #: a bound below zero makes sense
    ceiling: float | None = None  #: largest possible bound, in the base unit of the dimension

    @property
    def required_where(self) -> tuple[str, ...]:
        return self.where[: self.required]


def _fact(name: str, formula: str, *where: str, kind: Kind = "fact") -> Metric:
    return Metric(name, "yes or no", formula, (kind,), where, required=len(where))


def _count(name: str, formula: str, *where: str, kind: Kind = "count", required: int = 0) -> Metric:
    return Metric(name, "count", formula, (kind,), where, required)


_PHASE_1 = (
    Metric(
        "decode_tps",
        "token rate",
        "tokens received / decode time, per fresh process, the dropped warm-up requests excluded",
        ("floor", "equivalence", "range"),
        ("variant", "tokens", "backend"),
        required=2,
    ),
    Metric("time_per_token", "time", "decode time / tokens received", ("range",), ("variant", "tokens"), required=2),
    Metric(
        "vram_used",
        "data",
        "device memory of the engine process with the model held: weights + KV cache + compute buffers "
        "(resident memory where the backend is the CPU)",
        ("range",),
        ("variant", "during"),
    ),
    Metric(
        "gpu_speedup",
        "ratio",
        "decode_tps of the GPU / decode_tps of the CPU, same model file",
        ("range",),
        ("variant", "tokens"),
        required=2,
    ),
    _count("variants_measured", "variants whose every cell of the matrix was measured"),
    _fact("fully_offloaded", "the load log proves every layer on the GPU", "variant"),
    _fact("peak_determined", "the set of variants within the peak margin of the best is determined"),
    _fact("peak_answered", "every variant is compared with the best, with its interval and the word of the answer"),
    _fact("champion", "the variant alone is that set", "variant"),
    _fact(
        "champion_answered",
        "the variant is compared with every other, with the word CONFIRMED, REFUTED or UNDECIDED",
        "variant",
    ),
    _fact(
        "bottleneck_confirmed",
        "time per token = a + b x bytes per token: b > 0, a / t and the variant's bandwidth share inside the gates",
        "variant",
    ),
    _fact(
        "bottleneck_answered",
        "the three figures are computed with their intervals, with the word CONFIRMED, REFUTED or UNDECIDED",
        "variant",
    ),
    _fact("hybrid_known", "the hybrid is built, proven tensor by tensor, and measured"),
    _fact(
        "data_under_version_control", "every digest of evidence, table and chart is in the published copy's repository"
    ),
    Metric(
        "sustained_duration",
        "time",
        "uninterrupted time of the bandwidth test",
        ("range",),
        ("variant",),
    ),
)

_PHASE_2 = (
    Metric(
        "inter_token_latency",
        "time",
        "gap between two tokens of one stream as its client sees it, pooled over streams, while exactly N streams run",
        ("quantile",),
        ("streams",),
        required=1,
    ),
    Metric(
        "server_latency",
        "time",
        "inter_token_latency of each server of a fleet alone; the worst of them is judged",
        ("quantile",),
        ("streams",),
        required=1,
    ),
    Metric(
        "server_spread",
        "ratio",
        "largest distance of a server's share of the completed requests from an equal share, over an equal share",
        ("share",),
        ("streams",),
        required=1,
    ),
    Metric("mean_inter_token_latency", "time", "mean of inter_token_latency", ("range",), ("streams",), required=1),
    Metric(
        "inter_token_quantile",
        "time",
        "empirical quantile of inter_token_latency, shown without a test",
        ("range",),
        ("streams", "percentile"),
        required=2,
    ),
    Metric("longest_gap", "time", "largest inter_token_latency", ("spike",), ("streams",), required=1),
    Metric(
        "stalled_share",
        "ratio",
        "time inside gaps above the stall gap / stream time",
        ("share",),
        ("streams",),
        required=1,
        ceiling=1.0,
    ),
    Metric(
        "time_weighted_latency",
        "time",
        "inter_token_latency with each gap weighted by its length",
        ("quantile",),
        ("streams",),
        required=1,
    ),
    Metric(
        "time_to_first_token",
        "time",
        "first token minus the instant at which the request was due",
        ("quantile",),
        ("streams",),
        required=1,
    ),
    Metric(
        "request_duration", "time", "last token minus the instant at which the request was due", ("spike",), ("during",)
    ),
    Metric(
        "aggregate_tps",
        "token rate",
        "tokens of all streams / time, while exactly N streams run",
        ("floor", "range"),
        ("streams",),
        required=1,
    ),
    Metric(
        "host_tps",
        "token rate",
        "tokens of all cards of a host / time, while exactly N streams run on each of them",
        ("floor", "range"),
        ("streams",),
        required=1,
    ),
    Metric(
        "scaling_efficiency",
        "ratio",
        "aggregate_tps of N / (N x aggregate_tps of 1), interleaved in one session",
        ("efficiency",),
        ("streams",),
        required=1,
        ceiling=1.0,
    ),
    Metric(
        "soak_latency",
        "time",
        "inter_token_latency of the soak's bursts, while every stream runs, over its time blocks",
        ("quantile",),
    ),
    _count("requests_completed", "requests with the expected tokens and finish reason", "streams", required=1),
    _count("crashes", "ends of the engine process that nobody asked for", "during", kind="zero", required=1),
    _count("device_errors", "device errors in the engine's log or return codes", "during", kind="zero", required=1),
    _count("wrong_answers", "completed requests whose text leaves the tolerance", "during", kind="zero", required=1),
    _count("hung_requests", "requests that had not ended at their deadline", "during", kind="zero", required=1),
    _count("error_log_lines", "lines of class error in the engine's log", "during", kind="zero", required=1),
    _count("failed_restarts", "planned restarts not back within the recovery bound", "during", kind="zero", required=1),
    Metric(
        "vram_drift",
        "data",
        "common slope of device memory per process life x the soak's duration",
        ("drift",),
        ("during",),
        required=1,
        signed=True,
    ),
    Metric(
        "vram_hourly_floor",
        "data",
        "lower decile of device memory per hour minus that of its process life's first hour",
        ("hourly_floor",),
        ("during",),
        required=1,
        signed=True,
    ),
    Metric("vram_delta", "data", "largest minus smallest device memory", ("total_delta",), ("during",), required=1),
    Metric(
        "latency_trend",
        "ratio",
        "slope of (hourly mean latency / first day's mean) x the soak's duration",
        ("slope_share",),
        ("during",),
        required=1,
        signed=True,
    ),
    Metric(
        "gpu_utilisation",
        "ratio",
        "60 s means of the busy share of the GPU in loaded time",
        ("utilisation",),
        ("during",),
        required=1,
        ceiling=1.0,
    ),
    Metric("gpu_temperature", "temperature", "60 s mean of the GPU's temperature", ("range",), ("during",), required=1),
    Metric("soak_duration", "time", "time from the soak's first burst to the end of its last", ("range",)),
    _fact("soak_completed", "every planned burst, idle phase and restart of the soak took place"),
    _fact("soak_record", "the record is complete, or says why it cannot be had", "record"),
    Metric(
        "lost_requests",
        "ratio",
        "requests not completed correctly within their deadline after the allowed retries / requests",
        ("loss",),
        ceiling=1.0,
    ),
    Metric("fleet_loss", "ratio", "lost_requests of a fleet while one server of it is hurt", ("loss",), ceiling=1.0),
    Metric("recovery_time", "time", "fault injected until latency is back inside the bounds", ("recovery",)),
    Metric("availability", "ratio", "1 / (1 + crash rate x recovery time)", ("availability",), ceiling=1.0),
    Metric("planned_maintenance", "time", "planned down time in a month", ("declaration",)),
    _fact("cpu_fallback", "requests are answered on the CPU while the GPU backend is down"),
    _fact("fault_handled", "the fault took effect, was reported with its cause, and service came back", "fault"),
    _count("queue_served", "requests waiting at once that are all answered"),
    _count("concurrent_users", "largest number of streams up to which every bound of every level holds"),
    _fact("alerts_early", "each alert fires on degradation before its bound is broken, and is silent inside it"),
    _fact("output_written", "everything that the named output shows is in the evidence", "output"),
)

_PHASE_3 = (
    _count("documents_complete", "documents that carry the measured results of phases 1 and 2"),
    _fact("document_complete", "the document has its sections, and each number in it is a measured one", "document"),
    _fact("measured_only", "no number of the documents is an estimate"),
    _fact("curves_publishable", "every curve carries intervals, units and a legend, and reads in grey"),
    _fact("sla_documented", "each row of the SLA is in the specification, with its verdict"),
    _fact("sla_achievable", "the guaranteed values lie on the safe side of what was measured"),
    _fact("recommendations_derived", "each recommendation names the rule and the figures it follows from"),
    _fact("version_history", "each document has its version history"),
    _fact("operator_walkthrough", "somebody other than the author deployed by the guide", kind="declaration"),
    _fact("release_ready", "all phases are approved and the version is 1.0"),
)

#: What an acceptance test of somebody else records under a name of its own, one metric a dimension.
OWN: Final = tuple(
    Metric(
        f"own_{dimension.replace(' ', '_')}",
        dimension,
        "the values that tests record under this name with record_quantity, all of them",
        ("floor", "range"),
        ("name",),
        required=1,
    )
    for dimension in OWN_DIMENSIONS
)

METRICS: Final = MappingProxyType({metric.name: metric for metric in (*_PHASE_1, *_PHASE_2, *_PHASE_3, *OWN)})
