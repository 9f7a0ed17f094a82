"""``gpu_temperature``, ``gpu_utilisation``: what a probe of the GPU reports while it is loaded."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.answers.sustained_duration import bandwidth_sample
from pytest_rawrxd.verdict.counts import value_range
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.sample import Floats
from pytest_rawrxd.verdict.telemetry import block_means, loaded_samples
from pytest_rawrxd.verdict.utilisation import utilisation


def gpu_temperature(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the hottest of the block means of the GPU's temperature."""
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
    during = str(criterion.where["during"])
    sample = bandwidth_sample(evidence)[1] if during == "bandwidth" else None
    if sample is not None and sample.problem is not None:
        return None, (sample.problem, sample.sources)
    block_s = evidence.campaign.profile.protocol.phase2.block.to("s")
    why = _no_probe(evidence)
    for process in reversed(sample.processes if sample is not None else ()):
        samples = loaded_samples(evidence, process)
        if samples is None:
            continue
        means = block_means(samples, column, block_s=block_s)
        if means is not None:
            return means, (_nothing(criterion, ""), (process.record.id, samples.source.id))
        why = samples.why_absent(column)
    return None, (_nothing(criterion, why), sample.sources if sample is not None else ())


def _nothing(criterion: Criterion, why: str) -> Finding:
    what = criterion.metric.removeprefix("gpu_")
    return Finding(
        Verdict.NOT_MEASURED,
        f"the GPU's {what} was not read during {criterion.where['during']}: {why}",
        next="a GPU whose driver shows its readings",
    )


def _no_probe(evidence: Evidence) -> str:
    machines = evidence.of("machine")
    probe = machines[-1].data.get("gpu_probe") if machines else None
    return str((probe or {}).get("reason") or "no reading is recorded")
