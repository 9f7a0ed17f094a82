"""``aggregate_tps``: tokens of all streams per second, from the fresh processes of one level."""

from __future__ import annotations

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.cell import with_note
from pytest_rawrxd.verdict.floor import floor
from pytest_rawrxd.verdict.level import LevelSample, level_sample, with_size
from pytest_rawrxd.verdict.mean_range import mean_range
from pytest_rawrxd.verdict.means import mean_interval
from pytest_rawrxd.verdict.outcome import Answer, Finding
from pytest_rawrxd.verdict.repeats import unusable_runs
from pytest_rawrxd.verdict.sample import Floats, Integers
from pytest_rawrxd.verdict.telemetry import energy_under_load_j
from pytest_rawrxd.verdict.wording import number

LEAST_RUNS = 2  #: below, a range has no interval


def aggregate_tps(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge a floor or a range over the runs of one level."""
    sample = level_sample(evidence, int(criterion.where["streams"]))
    found = sample.problem or _judged(evidence, criterion, sample)
    return with_size(with_note(found, _energy(evidence, sample)), sample), sample.sources


def _energy(evidence: Evidence, sample: LevelSample) -> str:
    """What a token costs under this load, in words; "" where no GPU counts its energy."""
    joules = [used for run in sample.runs if (used := energy_under_load_j(evidence, run)) is not None]
    return f"{number(float(np.median(joules)))} J per token" if joules else ""


def _judged(evidence: Evidence, criterion: Criterion, sample: LevelSample) -> Finding:
    return judged_rates(evidence, criterion, sample.tps, np.array([w.end_ns - w.begin_ns for w in sample.windows]))


def judged_rates(evidence: Evidence, criterion: Criterion, tps: Floats, durations: Integers) -> Finding:
    """Judge a floor or a range over tokens per second, one value a run, that were measured in ``durations`` ns."""
    profile = evidence.campaign.profile
    gates, load = profile.gates, profile.protocol.phase2
    max_cv = gates.cv_max.to("ratio")
    assert not isinstance(criterion.limit, bool)  # noqa: S101 - a rate is never promised as yes or no
    if criterion.kind == "range" or isinstance(criterion.limit, tuple):
        noisy = unusable_runs(tps, min_runs=LEAST_RUNS, max_cv=max_cv, durations_ns=durations)
        return noisy or mean_range(
            mean_interval(tps, confidence=criterion.confidence),
            direction=criterion.direction,
            limit=criterion.limit,
            unit=criterion.unit,
        )
    return floor(
        tps,
        limit=criterion.limit,
        unit=criterion.unit,
        confidence=criterion.confidence,
        systematic=gates.systematic_error.to("ratio"),
        min_runs=gates.min_runs.floor,
        planned_runs=load.processes + load.level_runs,
        max_cv=max_cv,
        durations_ns=durations,
    )
