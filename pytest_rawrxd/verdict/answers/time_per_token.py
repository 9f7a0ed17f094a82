"""``time_per_token``: decode time per token received, the mean over fresh processes."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.cell import cell_sample, with_note
from pytest_rawrxd.verdict.mean_range import mean_range
from pytest_rawrxd.verdict.means import mean_interval
from pytest_rawrxd.verdict.outcome import Answer
from pytest_rawrxd.verdict.repeats import unusable_runs


def time_per_token(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the interval of the mean time per token against the bound."""
    sample = cell_sample(evidence, str(criterion.where["variant"]), int(criterion.where["tokens"]))
    if sample.problem is not None:
        return sample.problem, sample.sources
    assert not isinstance(criterion.limit, bool)  # noqa: S101 - a time is never promised as yes or no
    times = convert(1.0, "s", criterion.unit) / sample.tps
    max_cv = evidence.campaign.profile.gates.cv_max.to("ratio")
    found = unusable_runs(times, min_runs=2, max_cv=max_cv, durations_ns=sample.durations_ns) or mean_range(
        mean_interval(times, confidence=criterion.confidence),
        direction=criterion.direction,
        limit=criterion.limit,
        unit=criterion.unit,
    )
    return with_note(found, sample.note), sample.sources
