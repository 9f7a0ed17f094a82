"""``vram_drift``, ``vram_hourly_floor``, and the soak's part of ``vram_delta`` and ``vram_used``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.counts import value_range
from pytest_rawrxd.verdict.drift import Held, hourly_floor, total_delta
from pytest_rawrxd.verdict.level import in_unit
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.soak import SoakRun, capped, usable_soak, with_soak
from pytest_rawrxd.verdict.soak_memory import NAMES, drift_finding, judged_memory, weights_mb


def vram_drift(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the common slope of all process lives, carried over the soak's duration."""
    run, answer = _run(evidence)
    if run is None:
        return answer
    weights = weights_mb(run)
    found = judged_memory(run, lambda held: drift_finding(held, criterion, run.profile, weights))
    return with_soak(in_unit(found, "MB", criterion.unit), run), run.sources


def vram_hourly_floor(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the lower decile of each hour against the first hour of its life."""
    assert isinstance(criterion.limit, tuple)  # noqa: S101 - a floor of a drift has a band
    low, high = (convert(limit, criterion.unit, "MB") for limit in criterion.limit)

    def judge(run: SoakRun, held: Held) -> Finding:
        return hourly_floor(held, limits=(low, high), bucket_hours=run.schedule.checkpoint_every_s / 3600)

    return _whole(evidence, criterion, judge)


def soak_memory_delta(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the highest minus the lowest settled sample of all lives."""
    assert isinstance(criterion.limit, float)  # noqa: S101 - a difference has one bound
    limit = convert(criterion.limit, criterion.unit, "MB")
    return _whole(evidence, criterion, lambda _run, held: total_delta(held, limit=limit))


def soak_memory_used(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the most memory that any sample shows of the engine."""
    run, answer = _run(evidence)
    if run is None:
        return answer
    signal = next(iter(run.memory), None)
    values = run.signal(signal) if signal else np.array([])
    values = values[~np.isnan(values)]
    if not values.size:
        said = f"the memory of the engine was not read: {run.why_absent('process_memory_bytes')}"
        return Finding(Verdict.NOT_MEASURED, said, next="a GPU whose driver shows its memory"), run.sources
    assert not isinstance(criterion.limit, bool)  # noqa: S101 - a size is never promised as yes or no
    most = convert(float(values.max()), "B", criterion.unit)
    found = value_range(most, direction=criterion.direction, limit=criterion.limit, unit=criterion.unit)
    reason = f"{NAMES.get(str(signal), str(signal))}, most of {values.size} samples: {found.reason}"
    return capped(with_soak(replace(found, reason=reason), run), run, evidence), run.sources


def _whole(evidence: Evidence, criterion: Criterion, judge: Callable[[SoakRun, Held], Finding]) -> Answer:
    run, answer = _run(evidence)
    if run is None:
        return answer
    found = judged_memory(run, lambda held: judge(run, held))
    return capped(with_soak(in_unit(found, "MB", criterion.unit), run), run, evidence), run.sources


def _run(evidence: Evidence) -> tuple[SoakRun | None, Answer]:
    """The soak, or None with what to answer instead."""
    run, problem = usable_soak(evidence)
    if problem is not None:
        return None, (problem, run.sources if run else ())
    return run, (Finding(Verdict.NOT_MEASURED, ""), ())
