"""``alerts_early``: the rules are proven, and in the drill somebody was called before the SLA's budget was spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.monitoring import CONTROL, DRILL, FAULTS, MISSING, RULES
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.alert_budget import KINDS, budgets
from pytest_rawrxd.verdict.counts import fact
from pytest_rawrxd.verdict.drill import Scene, scenes
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict

METHOD = "live drill"


def alerts_early(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge every proof of the rules and every scene of every drill; one that showed no effect decides nothing."""
    profile = evidence.campaign.profile
    proofs, drilled = evidence.of(RULES), scenes(evidence.of(DRILL), profile)
    sources = tuple(scene.record for scene in drilled) + tuple(proof.id for proof in proofs)
    missing = [fault for fault in FAULTS if not any(scene.fault == fault for scene in drilled)]
    whole = [proof for proof in proofs if proof.data["failed"] or _killed(proof.data)]
    if missing or not whole:
        return _not_measured(evidence, missing, proved=bool(whole)), sources
    unbounded = sorted({KINDS[fault] for fault in FAULTS if fault != CONTROL} - set(budgets(profile)))
    if unbounded:
        said = f"the SLA says nothing of a server that is {' or '.join(unbounded)}: there is no budget to undercut"
        return Finding(Verdict.INVALID, said, method=METHOD, next="a row of the SLA that bounds it"), sources
    usable = [scene for scene in drilled if scene.without_effect is None]
    broken = [f"the tests of the rules fail: {proof.data['failed']}" for proof in proofs if proof.data["failed"]]
    broken += [
        f"a wrong rule that its tests do not notice: {alert}, {change}"
        for proof in proofs
        for alert, change in proof.data.get("mutants", {}).get("unnoticed", [])
    ]
    # What was called with nothing wrong counts, whatever else the control lacked.
    broken += [scene.broken for scene in drilled if scene.broken and (scene in usable or scene.fault == CONTROL)]
    idle = [s.without_effect for s in drilled if s.without_effect and s.fault not in {u.fault for u in usable}]
    if idle and not broken:
        return Finding(Verdict.INVALID, "; ".join(idle), method=METHOD, next="run the drill again"), sources
    proof = whole[-1].data
    told = (
        f"{proof['alerts']} alerts proven in {proof['cases']} cases, which notice all of {_killed(proof)} wrong rules; "
        f"{_said(usable)}"
    )
    return fact(not broken, expected=criterion.limit is True, sentence="; ".join(broken) or told), sources


def _killed(proof: Mapping[str, Any]) -> int:
    """How many wrong rules the tests of the rules noticed."""
    return int(proof.get("mutants", {}).get("killed", 0))


def _said(drilled: Iterable[Scene]) -> str:
    parts = []
    for scene in drilled:
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
