"""The promises about single-stream throughput, judged from the fresh processes of one cell."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.cell import cell_sample
from pytest_rawrxd.verdict.equivalence import equivalence
from pytest_rawrxd.verdict.floor import floor
from pytest_rawrxd.verdict.outcome import Finding

Answer = tuple[Finding, tuple[str, ...]]


def decode_tps(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge ``decode_tps`` of a cell: a floor or an equivalence over its fresh processes."""
    sample = cell_sample(evidence, str(criterion.where["variant"]), int(criterion.where["tokens"]))
    if sample.problem is not None:
        return sample.problem, sample.sources
    profile = evidence.campaign.profile
    gates = profile.gates
    if isinstance(criterion.limit, tuple):
        found = equivalence(
            sample.tps,
            limits=criterion.limit,
            unit=criterion.unit,
            confidence=criterion.confidence,
            min_runs=gates.min_runs.equivalence,
            max_cv=gates.cv_max.to("ratio"),
            durations_ns=sample.durations_ns,
        )
    else:
        found = floor(
            sample.tps,
            limit=criterion.limit,
            unit=criterion.unit,
            confidence=criterion.confidence,
            systematic=gates.systematic_error.to("ratio"),
            min_runs=gates.min_runs.floor,
            planned_runs=profile.protocol.phase1.processes.floor,
            max_cv=gates.cv_max.to("ratio"),
            durations_ns=sample.durations_ns,
        )
    return found, sample.sources
