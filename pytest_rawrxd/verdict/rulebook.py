"""Which rule judges which metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.metrics import OWN
from pytest_rawrxd.verdict.answers.aggregate_tps import aggregate_tps
from pytest_rawrxd.verdict.answers.alerts_early import alerts_early
from pytest_rawrxd.verdict.answers.availability import availability
from pytest_rawrxd.verdict.answers.bottleneck import bottleneck_answered, bottleneck_confirmed
from pytest_rawrxd.verdict.answers.concurrent_users import concurrent_users
from pytest_rawrxd.verdict.answers.data_under_version_control import data_under_version_control
from pytest_rawrxd.verdict.answers.decode_tps import decode_tps
from pytest_rawrxd.verdict.answers.documents import (
    curves_publishable,
    document_complete,
    documents_complete,
    measured_only,
    recommendations_derived,
    release_ready,
    sla_achievable,
    sla_documented,
    version_history,
)
from pytest_rawrxd.verdict.answers.errors_under_load import crashes, device_errors
from pytest_rawrxd.verdict.answers.fastest_variant import champion, champion_answered, peak_answered, peak_determined
from pytest_rawrxd.verdict.answers.faults import (
    cpu_fallback,
    fault_handled,
    hung_requests,
    lost_requests,
    queue_served,
    recovery_time,
)
from pytest_rawrxd.verdict.answers.fleet import fleet_loss, server_latency, server_spread
from pytest_rawrxd.verdict.answers.fully_offloaded import fully_offloaded
from pytest_rawrxd.verdict.answers.gpu_speedup import gpu_speedup
from pytest_rawrxd.verdict.answers.gpu_telemetry import gpu_temperature, gpu_utilisation
from pytest_rawrxd.verdict.answers.host_tps import host_tps
from pytest_rawrxd.verdict.answers.hybrid_known import hybrid_known
from pytest_rawrxd.verdict.answers.inter_token_latency import inter_token_latency, time_weighted_latency
from pytest_rawrxd.verdict.answers.inter_token_statistics import inter_token_quantile, mean_inter_token_latency
from pytest_rawrxd.verdict.answers.operator_walkthrough import operator_walkthrough
from pytest_rawrxd.verdict.answers.output_written import output_written
from pytest_rawrxd.verdict.answers.own_quantity import own_quantity
from pytest_rawrxd.verdict.answers.planned_maintenance import planned_maintenance
from pytest_rawrxd.verdict.answers.requests import request_duration, requests_completed
from pytest_rawrxd.verdict.answers.scaling_efficiency import scaling_efficiency
from pytest_rawrxd.verdict.answers.soak_course import (
    error_log_lines,
    failed_restarts,
    soak_completed,
    soak_duration,
    soak_record,
)
from pytest_rawrxd.verdict.answers.soak_latency import latency_trend, soak_latency
from pytest_rawrxd.verdict.answers.soak_memory import vram_drift, vram_hourly_floor
from pytest_rawrxd.verdict.answers.stalls import longest_gap, stalled_share
from pytest_rawrxd.verdict.answers.sustained_duration import sustained_duration
from pytest_rawrxd.verdict.answers.time_per_token import time_per_token
from pytest_rawrxd.verdict.answers.time_to_first_token import time_to_first_token
from pytest_rawrxd.verdict.answers.variants_measured import variants_measured
from pytest_rawrxd.verdict.answers.vram_delta import vram_delta
from pytest_rawrxd.verdict.answers.vram_used import vram_used
from pytest_rawrxd.verdict.answers.wrong_answers import wrong_answers
from pytest_rawrxd.verdict.outcome import Answer

#: A rule reads the evidence of one criterion and returns its finding with the ids of the records it used.
Rule = Callable[[Evidence, Criterion], Answer]

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.__name__: rule
        for rule in (
            decode_tps,
            time_per_token,
            vram_used,
            gpu_speedup,
            variants_measured,
            fully_offloaded,
            peak_determined,
            peak_answered,
            champion,
            champion_answered,
            bottleneck_confirmed,
            bottleneck_answered,
            hybrid_known,
            data_under_version_control,
            sustained_duration,
            gpu_temperature,
            gpu_utilisation,
            output_written,
            inter_token_latency,
            time_weighted_latency,
            server_latency,
            server_spread,
            mean_inter_token_latency,
            inter_token_quantile,
            longest_gap,
            stalled_share,
            aggregate_tps,
            host_tps,
            scaling_efficiency,
            requests_completed,
            time_to_first_token,
            request_duration,
            crashes,
            device_errors,
            vram_delta,
            concurrent_users,
            alerts_early,
            soak_duration,
            soak_completed,
            soak_record,
            soak_latency,
            latency_trend,
            vram_drift,
            vram_hourly_floor,
            error_log_lines,
            failed_restarts,
            availability,
            lost_requests,
            fleet_loss,
            recovery_time,
            fault_handled,
            cpu_fallback,
            queue_served,
            hung_requests,
            wrong_answers,
            documents_complete,
            document_complete,
            measured_only,
            curves_publishable,
            recommendations_derived,
            version_history,
            sla_documented,
            sla_achievable,
            release_ready,
            operator_walkthrough,
            planned_maintenance,
        )
    }
    | {metric.name: own_quantity for metric in OWN}
)
