"""``vram_delta``: how much the memory of an engine process moves while it is under load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.answers.soak_memory import soak_memory_delta
from pytest_rawrxd.verdict.counts import value_range
from pytest_rawrxd.verdict.level import load_sample, with_size
from pytest_rawrxd.verdict.load_run import LoadRun
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.telemetry import samples_under_load


def vram_delta(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the largest minus the smallest value in the life of one process, the most that any run shows.

    Two runs are never compared: another number of streams has another cache. Of a GPU the readings of its probe, or
    without one its free memory after the warm-up and at the end; of a CPU resident memory a few times a second.
    """
    if criterion.where["during"] == "soak":
        return soak_memory_delta(evidence, criterion)
    if criterion.where["during"] != "load":
        return Finding(Verdict.NOT_MEASURED, f"no {criterion.where['during']} was run in this campaign"), ()
    sample = load_sample(evidence)
    if not sample.runs and sample.problem is not None:
        return sample.problem, sample.sources
    moved = [moved_bytes(evidence, run) for run in sample.runs]
    known = [size for size in moved if size is not None]
    if not known:
        said = "the engine reports no free memory of its device"
        return Finding(Verdict.NOT_MEASURED, said, next="a probe of the GPU's memory"), sample.sources
    assert isinstance(criterion.limit, float)  # noqa: S101 - a difference has one bound
    value = convert(float(max(known)), "B", criterion.unit)
    found = value_range(value, direction=criterion.direction, limit=criterion.limit, unit=criterion.unit)
    return with_size(found, sample), sample.sources


def moved_bytes(evidence: Evidence, run: LoadRun) -> int | None:
    """Largest minus smallest memory of one process under load, in bytes; None where nobody read it."""
    data = run.data
    if data["engine"]["backend"] == "cpu":
        return _range(evidence.raw(data["raw"])["memory_resident"])
    samples = samples_under_load(evidence, run)
    read = samples.column("memory_used_bytes") if samples is not None else None
    if read is not None:
        return _range(read)
    used = [_used_bytes(data, when) for when in ("before", "after")]
    return None if used[0] is None or used[1] is None else abs(used[1] - used[0])


def _range(values: npt.NDArray[Any]) -> int | None:
    return int(values.max() - values.min()) if values.size else None


def _used_bytes(data: Mapping[str, Any], when: str) -> int | None:
    on_device = [device for device in data["devices"][when] if device["backend"] == data["engine"]["backend"]]
    if not on_device or any(device["memory_free"] is None for device in on_device):
        return None
    return sum(int(device["memory_total"]) - int(device["memory_free"]) for device in on_device)
