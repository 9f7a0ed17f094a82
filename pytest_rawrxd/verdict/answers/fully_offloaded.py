"""``fully_offloaded``: the load log proves every layer on the GPU."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.cell import cell_sample, with_note
from pytest_rawrxd.verdict.counts import fact
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict


def fully_offloaded(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the worst load of the variant's judged cell."""
    tokens = evidence.campaign.profile.protocol.phase1.judged_tokens
    sample = cell_sample(evidence, str(criterion.where["variant"]), tokens)
    if sample.problem is not None:
        return sample.problem, sample.sources
    loads = [process.record.data["load"] for process in sample.processes]
    if any(load["layers_total"] is None for load in loads):
        said = "the server does not tell where its layers are"
        return Finding(Verdict.NOT_MEASURED, said, next="--sla-engine llama-server, whose log tells"), sample.sources
    worst = min(loads, key=lambda load: load["layers_offloaded"] / load["layers_total"])
    on_device, layers = worst["layers_offloaded"], worst["layers_total"]
    device = sample.processes[-1].record.data["engine"]["device"]
    found = fact(
        on_device == layers,
        expected=criterion.limit is True,
        sentence=f"offloaded {on_device} of {layers} layers, {device}",
    )
    return with_note(found, sample.note), sample.sources
