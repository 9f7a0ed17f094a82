"""When a run of the load test cannot be used: the validity rules that it breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.levels import OPEN
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.rig.engine.log import devices_with_weights
from pytest_rawrxd.verdict import checks
from pytest_rawrxd.verdict.cell import SCRIPTED, identity_of, roofline, spilled
from pytest_rawrxd.verdict.company import company
from pytest_rawrxd.verdict.load_hosts import host_violations
from pytest_rawrxd.verdict.load_run import LoadRun
from pytest_rawrxd.verdict.plausibility import Plausibility
from pytest_rawrxd.verdict.telemetry import samples_under_load
from pytest_rawrxd.verdict.validity import Violation

GAP_METRICS = frozenset({"inter_token_latency", "time_weighted_latency", "longest_gap"})


def load_violations(evidence: Evidence, record: Record, run: LoadRun) -> Iterator[Violation]:
    """Every validity rule that a run breaks, whatever is judged of it."""
    data, identity, gates = run.data, evidence.campaign.identity, evidence.campaign.profile.gates
    expected = identity.models.get(data["variant"])
    found = (
        checks.empty_sample(len(run.reasons), "requests"),
        checks.backend({"backend": identity.engine["backend"]}, {"backend": data["engine"]["backend"]}),
        checks.one_device(devices_with_weights(data["load"]["buffers"] or ())),
        checks.one_identity(
            [identity_of(identity.digest, expected), identity_of(record.identity, data["model_sha256"])]
        ),
        *_answers(run),
        spilled(evidence, data, gates.spill_max.to("ratio")),
    )
    yield from (violation for violation in found if violation is not None)
    # A scripted engine lives in virtual time: what the host does meanwhile disturbs nothing.
    if data["engine"]["backend"] != SCRIPTED:
        foreign = 100 * data["host"]["foreign_share"]
        if (violation := checks.foreign_cpu(foreign, gate_percent=gates.contamination_max.to("%"))) is not None:
            yield violation
        yield from company(evidence, samples_under_load(evidence, run))
    if "http" in data:
        yield from (violation for violation in _client(evidence, data["http"]) if violation is not None)
        yield from host_violations(evidence, record)


def _answers(run: LoadRun) -> Iterator[Violation | None]:
    """Did every request receive what it asked for, with every stream busy?"""
    if "tokens" in run.untold:  # it takes no token limit, and any reply that ends is a whole one
        yield checks.early_end([reason for reason in run.reasons if reason.startswith("error")])
    else:
        yield checks.early_end(run.reasons)
        yield checks.received_tokens([int(run.data["tokens"])] * len(run.reasons), np.diff(run.offsets))
    if run.data["part"] != OPEN:
        window = run.window
        yield checks.full_window(None if window is None else window.full_share, streams=run.streams)


def _client(evidence: Evidence, http: Mapping[str, Any]) -> Iterator[Violation | None]:
    """Was the load client calm enough for the tightest bound?"""
    gates = evidence.campaign.profile.gates
    late_ms = gates.send_lag_p99_max.to("ms")
    tightest = tightest_bound_ms(evidence.campaign.profile)
    if tightest is not None:
        floor_ms = max(calibration["p99_us"] for calibration in http["calibration"]) / 1e3
        yield checks.noise_floor(floor_ms, tightest_bound_ms=tightest, gate=gates.noise_floor_max.to("ratio"))
    if http["send_lag_p99_ms"] is not None:
        yield checks.send_lag(http["send_lag_p99_ms"], gate_ms=late_ms)
    if http["loop_lag_p99_ms"] is not None:
        yield checks.loop_lag(http["loop_lag_p99_ms"], gate_ms=late_ms)


def tightest_bound_ms(profile: Profile) -> float | None:
    """The smallest bound on a gap between tokens that decides; None where none does."""
    bounds = [
        convert(criterion.limit, criterion.unit, "ms")
        for criterion in profile.criteria.values()
        if criterion.metric in GAP_METRICS and not criterion.informative and not criterion.not_applicable
        if isinstance(criterion.limit, float)
    ]
    return min(bounds, default=None)


def load_roofline(evidence: Evidence, run: LoadRun) -> Plausibility | None:
    """What share of the memory bandwidth a run implies: a step reads the weights once and the cache of every stream.

    None where it cannot be said, as of an open loop, which has no stretch with every stream busy.
    """
    manifests = evidence.of("model", variant=run.data["variant"])
    if not manifests or run.data["part"] == OPEN or run.window is None:
        return None
    per_token = manifests[-1].data.get("kv_bytes_per_token") or 0
    context = float(np.mean(run.prompt_tokens)) + int(run.data["tokens"]) / 2
    return roofline(evidence, run.data, run.tps, streams=run.streams, kv_bytes=per_token * context)
