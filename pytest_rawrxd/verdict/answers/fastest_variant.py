"""``peak_determined``, ``champion``: which variants are the fastest; in a rehearsal, that the question was asked."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.answers.answered import answered, as_fact
from pytest_rawrxd.verdict.ladder import judged_ladder
from pytest_rawrxd.verdict.outcome import Answer
from pytest_rawrxd.verdict.peak import champion as judge_champion
from pytest_rawrxd.verdict.peak import peak as judge_peak


def peak_determined(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge that the set of variants within the peak margin of the best is determined."""
    ladder = judged_ladder(evidence)
    if (problem := ladder.problem) is not None:
        return problem, ladder.sources
    gates = evidence.campaign.profile.gates
    found = judge_peak(
        ladder.rounds(ladder.samples),
        margin=gates.peak_margin.to("ratio"),
        min_runs=gates.min_runs.peak,
        confidence=criterion.confidence,
    )
    return as_fact(found), ladder.sources


def peak_answered(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge, for a rehearsal, that the comparison with the best was made and its word stands in the reason."""
    found, sources = peak_determined(evidence, criterion)
    return answered(found), sources


def champion(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge that the variant alone is the fastest."""
    ladder = judged_ladder(evidence)
    if (problem := ladder.problem) is not None:
        return problem, ladder.sources
    gates = evidence.campaign.profile.gates
    found = judge_champion(
        ladder.rounds(ladder.samples),
        str(criterion.where["variant"]),
        margin=gates.peak_margin.to("ratio"),
        min_runs=gates.min_runs.peak,
        confidence=criterion.confidence,
    )
    return as_fact(found), ladder.sources


def champion_answered(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge, for a rehearsal, that it was asked and the answer's word stands in the reason."""
    found, sources = champion(evidence, criterion)
    return answered(found), sources
