"""``gpu_speedup``: throughput on the GPU over throughput of the same file on the CPU."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.decode import REFERENCE, RUN
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.cell import cell_sample, with_note
from pytest_rawrxd.verdict.mean_range import mean_range
from pytest_rawrxd.verdict.means import ratio_interval
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.repeats import unusable_runs


def gpu_speedup(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the ratio of the two mean rates, from Welch's interval on the logarithms."""
    variant, tokens = str(criterion.where["variant"]), int(criterion.where["tokens"])
    if evidence.campaign.identity.engine["backend"] == "cpu":
        said = "the engine of this campaign computes on the CPU: there is no GPU to compare with"
        return Finding(Verdict.NOT_MEASURED, said, next="an engine with a GPU backend"), ()
    device, host = (cell_sample(evidence, variant, tokens, kind) for kind in (RUN, REFERENCE))
    sources = (*device.sources, *host.sources)
    assert not isinstance(criterion.limit, bool)  # noqa: S101 - a ratio is never promised as yes or no
    max_cv = evidence.campaign.profile.gates.cv_max.to("ratio")
    for sample in (device, host):
        problem = sample.problem or unusable_runs(
            sample.tps, min_runs=2, max_cv=max_cv, durations_ns=sample.durations_ns
        )
        if problem is not None:
            return problem, sources
    interval = ratio_interval(device.tps, host.tps, confidence=criterion.confidence)
    found = mean_range(
        interval, direction=criterion.direction, limit=criterion.limit, unit=criterion.unit, of="GPU over CPU"
    )
    return with_note(found, device.note), sources
