"""``bottleneck_confirmed``: is memory bandwidth the bottleneck; and, in a rehearsal, that the question was asked."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.answers.answered import answered, as_fact
from pytest_rawrxd.verdict.bottleneck import bottleneck as judge_bottleneck
from pytest_rawrxd.verdict.cell import measured_bandwidth, with_note
from pytest_rawrxd.verdict.ladder import Ladder, judged_ladder
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict


def bottleneck_confirmed(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the line of time per token over bytes per token, over the variants that are wholly on the device.

    The criterion's variant is the reference; where it does not fit, the largest that does takes its place.
    """
    ladder = judged_ladder(evidence)
    sizes = _bytes_per_token(evidence, ladder)
    if not sizes or not evidence.of("machine"):
        return _nothing(ladder), ladder.sources
    gates = evidence.campaign.profile.gates
    wanted = str(criterion.where["variant"])
    reference = wanted if wanted in sizes else max(sizes, key=lambda variant: sizes[variant])
    on_cpu = evidence.campaign.identity.engine["backend"] == "cpu"
    found = judge_bottleneck(
        {variant: 1000 / ladder.samples[variant].tps for variant in sizes},
        sizes,
        read_bandwidth=measured_bandwidth(evidence.of, on_cpu=on_cpu),
        reference=reference,
        min_runs=gates.min_runs.peak,
        most_fixed=gates.bottleneck_fixed_share_max.to("ratio"),
        least_share=gates.bottleneck_bandwidth_min.to("ratio"),
        confidence=criterion.confidence,
    )
    left_out = [variant for variant in ladder.samples if variant not in sizes]
    notes = [f"without {', '.join(left_out)}"] if left_out else []
    notes += [f"{wanted} is not wholly on the device: {reference} takes its place"] if reference != wanted else []
    return as_fact(with_note(found, "; ".join(notes))), ladder.sources


def bottleneck_answered(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge, for a rehearsal, that the three figures were computed with their intervals, whatever they say."""
    found, sources = bottleneck_confirmed(evidence, criterion)
    return answered(found), sources


def _bytes_per_token(evidence: Evidence, ladder: Ladder) -> dict[str, float]:
    profile = evidence.campaign.profile
    found = {}
    for variant in ladder.whole:
        declared = profile.models.declaration(variant)
        manifests = evidence.of("model", variant=variant)
        if declared.weights_per_token is not None:
            found[variant] = declared.weights_per_token.to("B")
        elif declared.exception is None and manifests:
            found[variant] = float(manifests[-1].data["weight_bytes_per_token"])
    return found


def _nothing(ladder: Ladder) -> Finding:
    problem = ladder.problem
    if problem is not None:
        return problem
    return Finding(
        Verdict.NOT_MEASURED,
        "no manifest says how many bytes a token reads",
        method="weighted least squares",
        next="measure model files, not a scripted engine",
    )
