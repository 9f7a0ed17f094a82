"""``alerts_early``: the rules are proven, and in the drill somebody was called before the SLA's budget was spent."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.monitoring import CONTROL, DRILL, FAULTS, MISSING, RULES
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.alert_budget import KINDS, budgets
from pytest_rawrxd.verdict.counts import fact
from pytest_rawrxd.verdict.drill import Scene, scenes
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict

METHOD = "live drill"


def alerts_early(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the newest proof of the rules and the newest drill of each fault, with the control."""
    profile = evidence.campaign.profile
    proofs, drilled = evidence.of(RULES), scenes(evidence.of(DRILL), profile)
    sources = tuple(scene.record for scene in drilled.values()) + tuple(proof.id for proof in proofs[-1:])
    missing = [fault for fault in FAULTS if fault not in drilled]
    if missing or not proofs:
        return _not_measured(evidence, missing, proved=bool(proofs)), sources
    unbounded = sorted({KINDS[fault] for fault in FAULTS if fault != CONTROL} - set(budgets(profile)))
    if unbounded:
        said = f"the SLA says nothing of a server that is {' or '.join(unbounded)}: there is no budget to undercut"
        return Finding(Verdict.INVALID, said, method=METHOD, next="a row of the SLA that bounds it"), sources
    if idle := [scene.without_effect for scene in drilled.values() if scene.without_effect]:
        return Finding(Verdict.INVALID, "; ".join(idle), method=METHOD, next="run the drill again"), sources
    broken = [scene.broken for scene in drilled.values() if scene.broken]
    proof = proofs[-1].data
    if proof["failed"] is not None:
        broken.insert(0, f"the tests of the rules fail: {proof['failed']}")
    told = f"{proof['alerts']} alerts proven in {proof['cases']} cases; {_said(drilled)}"
    return fact(not broken, expected=criterion.limit is True, sentence="; ".join(broken) or told), sources


def _said(drilled: dict[str, Scene]) -> str:
    parts = []
    for scene in drilled.values():
        if scene.fault == CONTROL:
            parts.append(f"silent for {scene.seconds:.0f} s with nothing wrong")
        elif scene.first is not None:
            parts.append(f"{scene.fault}: {scene.first.name} after {scene.first.after_s:.1f} of {scene.budget_s:g} s")
    return "; ".join(parts)


def _not_measured(evidence: Evidence, missing: list[str], *, proved: bool) -> Finding:
    told = evidence.of(MISSING)
    if told:
        return Finding(
            Verdict.NOT_MEASURED, str(told[-1].data["why"]), method=METHOD, next=str(told[-1].data["possible"])
        )
    lacks = [*missing, *([] if proved else ["the proof of the rules"])]
    said = f"the drill of the monitoring lacks {', '.join(lacks)}"
    return Finding(Verdict.NOT_MEASURED, said, method=METHOD, next="run the acceptance tests of phase 2")
