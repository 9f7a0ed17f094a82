"""``decode_tps``: single-stream throughput of a cell, from its fresh processes."""

from __future__ import annotations

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.decode import REFERENCE, RUN
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.cell import CellSample, cell_sample, with_note
from pytest_rawrxd.verdict.equivalence import equivalence
from pytest_rawrxd.verdict.floor import floor
from pytest_rawrxd.verdict.mean_range import mean_range
from pytest_rawrxd.verdict.means import mean_interval
from pytest_rawrxd.verdict.outcome import Answer, Finding
from pytest_rawrxd.verdict.repeats import unusable_runs
from pytest_rawrxd.verdict.telemetry import energy_per_token_j
from pytest_rawrxd.verdict.wording import number


def decode_tps(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge a floor, an equivalence or a range over the fresh processes of one cell."""
    where = criterion.where
    reference = where.get("backend") == "cpu" and evidence.campaign.identity.engine["backend"] != "cpu"
    sample = cell_sample(evidence, str(where["variant"]), int(where["tokens"]), REFERENCE if reference else RUN)
    found = sample.problem or _judged(evidence, criterion, sample)
    return with_note(with_note(found, sample.note), _energy(evidence, sample)), sample.sources


def _energy(evidence: Evidence, sample: CellSample) -> str:
    """What a token costs, in words; "" where no GPU counts its energy."""
    joules = [used for process in sample.processes if (used := energy_per_token_j(evidence, process)) is not None]
    return f"{number(float(np.median(joules)))} J per token" if joules else ""


def _judged(evidence: Evidence, criterion: Criterion, sample: CellSample) -> Finding:
    profile = evidence.campaign.profile
    gates = profile.gates
    max_cv = gates.cv_max.to("ratio")
    assert not isinstance(criterion.limit, bool)  # noqa: S101 - a rate is never promised as yes or no
    if criterion.kind == "range":
        return unusable_runs(sample.tps, min_runs=2, max_cv=max_cv, durations_ns=sample.durations_ns) or mean_range(
            mean_interval(sample.tps, confidence=criterion.confidence),
            direction=criterion.direction,
            limit=criterion.limit,
            unit=criterion.unit,
        )
    if isinstance(criterion.limit, tuple):
        return equivalence(
            sample.tps,
            limits=criterion.limit,
            unit=criterion.unit,
            confidence=criterion.confidence,
            min_runs=gates.min_runs.equivalence,
            max_cv=max_cv,
            durations_ns=sample.durations_ns,
        )
    return floor(
        sample.tps,
        limit=criterion.limit,
        unit=criterion.unit,
        confidence=criterion.confidence,
        systematic=gates.systematic_error.to("ratio"),
        min_runs=gates.min_runs.floor,
        planned_runs=profile.protocol.phase1.processes.floor,
        max_cv=max_cv,
        durations_ns=sample.durations_ns,
    )
