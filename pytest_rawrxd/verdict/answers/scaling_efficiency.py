"""``scaling_efficiency``: N streams against N times one stream, interleaved in one session."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.levels import LEVEL
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.efficiency import efficiency
from pytest_rawrxd.verdict.level import in_unit, level_sample, with_size
from pytest_rawrxd.verdict.outcome import Answer


def scaling_efficiency(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the ratio of both throughputs over the runs that were interleaved with each other."""
    streams = int(criterion.where["streams"])
    many, one = level_sample(evidence, streams, (LEVEL,)), level_sample(evidence, 1, (LEVEL,))
    sources = (*many.sources, *one.sources)
    if (problem := many.problem or one.problem) is not None:
        return problem, sources
    assert isinstance(criterion.limit, float)  # noqa: S101 - an efficiency has one bound
    gates = evidence.campaign.profile.gates
    found = efficiency(
        many.tps,
        one.tps,
        streams=streams,
        limit_percent=convert(criterion.limit, criterion.unit, "%"),
        min_runs=gates.min_runs.floor,
        max_cv=gates.cv_max.to("ratio"),
        confidence=criterion.confidence,
    )
    return with_size(in_unit(found, "%", criterion.unit), many), sources
