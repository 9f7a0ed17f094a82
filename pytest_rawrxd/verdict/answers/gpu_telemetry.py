"""``gpu_temperature``, ``gpu_utilisation``: what a probe of the GPU reports while it is loaded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.answers.soak_device import soak_temperature, soak_utilisation
from pytest_rawrxd.verdict.answers.sustained_duration import bandwidth_sample
from pytest_rawrxd.verdict.cell import CellSample
from pytest_rawrxd.verdict.counts import value_range
from pytest_rawrxd.verdict.level import LevelSample, load_sample
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.sample import Floats
from pytest_rawrxd.verdict.telemetry import LoadedSamples, block_means, loaded_samples, samples_under_load
from pytest_rawrxd.verdict.utilisation import utilisation


def gpu_temperature(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the hottest of the block means of the GPU's temperature."""
    if criterion.where["during"] == "soak":
        return soak_temperature(evidence, criterion)
    means, answer = _means(evidence, criterion, "temperature_c")
    if means is None:
        return answer
    assert not isinstance(criterion.limit, bool)  # noqa: S101 - a temperature is never promised as yes or no
    found = value_range(
        convert(float(means.max()), "degC", criterion.unit),
        direction=criterion.direction,
        limit=criterion.limit,
        unit=criterion.unit,
    )
    return found, answer[1]


def gpu_utilisation(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the mean of the block means of the GPU's busy share against the band."""
    if criterion.where["during"] == "soak":
        return soak_utilisation(evidence, criterion)
    means, answer = _means(evidence, criterion, "utilisation_percent")
    if means is None:
        return answer
    assert isinstance(criterion.limit, tuple)  # noqa: S101 - the profile checks that a utilisation has a band
    protocol, gates = evidence.campaign.profile.protocol, evidence.campaign.profile.gates
    low, high = (convert(limit, criterion.unit, "%") for limit in criterion.limit)
    found = utilisation(
        means,
        limits=(low, high),
        confidence=criterion.confidence,
        min_means=gates.min_blocks,
        minutes_each=protocol.phase2.block.to("min"),
    )
    return found, answer[1]


def _means(evidence: Evidence, criterion: Criterion, column: str) -> tuple[Floats | None, Answer]:
    """Block means of one reading during the criterion's test; without them None and what to answer instead."""
    sample = _sample(evidence, str(criterion.where["during"]))
    if sample.problem is not None:
        return None, (sample.problem, sample.sources)
    block_s = evidence.campaign.profile.protocol.phase2.block.to("s")
    found: list[Floats] = []
    sources: list[str] = []
    why = _why_not(evidence, column)
    for record, samples in _readings(evidence, sample):
        means = block_means(samples, column, block_s=block_s)
        if means is None:
            why = samples.why_absent(column)
        else:
            found.append(means)
            sources += [record, samples.source.id]
    if found:
        return np.concatenate(found), (_nothing(criterion, ""), tuple(sources))
    return None, (_nothing(criterion, why), sample.sources)


def _sample(evidence: Evidence, during: str) -> CellSample | LevelSample:
    if during == "load":
        return load_sample(evidence)
    # Of any other test this version keeps no readings.
    return bandwidth_sample(evidence)[1] if during == "bandwidth" else CellSample((), (), None)


def _readings(evidence: Evidence, sample: CellSample | LevelSample) -> Iterator[tuple[str, LoadedSamples]]:
    """Each run with its readings: of the bandwidth test the newest that has some, under load every one."""
    if isinstance(sample, LevelSample):
        for run in sample.runs:
            if (samples := samples_under_load(evidence, run)) is not None:
                yield run.record.id, samples
        return
    for process in reversed(sample.processes):
        if (samples := loaded_samples(evidence, process)) is not None:
            yield process.record.id, samples
            return


def _nothing(criterion: Criterion, why: str) -> Finding:
    what = criterion.metric.removeprefix("gpu_")
    return Finding(
        Verdict.NOT_MEASURED,
        f"the GPU's {what} was not read during {criterion.where['during']}: {why}",
        next="a GPU whose driver shows its readings",
    )


def _why_not(evidence: Evidence, column: str) -> str:
    """What the telemetry of the newest session said about a signal that was not read."""
    machines = evidence.of("machine")
    readings = machines[-1].data.get("telemetry", []) if machines else []
    said = [reading["why_not"] for reading in readings if reading["name"] == column and reading["why_not"]]
    return str(said[0]) if said else "no reading is recorded"
