"""The judge: reads a campaign's evidence and nothing else, and writes ``verdicts.json``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem, SuiteDefect
from pytest_rawrxd.evidence.believed import believed
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.canonical import canonical, plain, rounded
from pytest_rawrxd.evidence.joined import SAID_LATER
from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.verdict import audit
from pytest_rawrxd.verdict.cards import judged_on_cards
from pytest_rawrxd.verdict.comparison import comparisons
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.pool import pooled
from pytest_rawrxd.verdict.rulebook import RULES
from pytest_rawrxd.verdict.state import PHASES, deciding, describe_phase, error_rules
from pytest_rawrxd.verdict.tool import is_tool, not_judged
from pytest_rawrxd.verdict.unfinished import unfinished
from pytest_rawrxd.verdict.waivers import waived, waivers_of

SCHEMA = "pytest-rawrxd/verdicts/1"


def judge(evidence: Evidence) -> dict[str, Any]:
    """All verdicts of a campaign, as the plain value that ``verdicts.json`` holds.

    Raises EvidenceProblem where a record is of a shape that cannot be judged.
    """
    with believed(evidence.campaign.path, "judged"):
        return _judged(evidence)


def _judged(evidence: Evidence) -> dict[str, Any]:
    profile = evidence.campaign.profile
    waivers = waivers_of(evidence)
    entries = [waived(judge_criterion(evidence, criterion), waivers) for criterion in profile.criteria.values()]
    validity = audit.entries(audit.audit(evidence), entries)
    target = measured_item(evidence)
    rehearsal = profile.kind == "rehearsal" or not target["matches"]
    body = {
        "schema": SCHEMA,
        "run": _run(evidence),
        "profile": {"name": profile.name, "title": profile.title, "kind": profile.kind, "digest": profile.digest},
        "target": target,
        "waivers": waivers.to_dict(),
        "state": {
            str(phase): describe_phase(
                deciding(entries, phase), rehearsal=rehearsal, errors=error_rules(validity, [phase])
            )
            for phase in PHASES
        },
        "validity": validity,
        "comparisons": comparisons(evidence),
        "criteria": entries,
    }
    return dict(rounded(plain(body)))


def verdict_bytes(verdicts: dict[str, Any]) -> bytes:
    """``verdicts.json`` as it is written: RFC 8785 canonical JSON."""
    return canonical(verdicts)


def judge_entry(evidence: Evidence, criterion: Criterion, *, running: Collection[str] = ()) -> dict[str, Any]:
    """One criterion's entry of ``verdicts.json`` before rounding, under the waivers of the run."""
    return waived(judge_criterion(evidence, criterion, running=running), waivers_of(evidence))


def judge_criterion(evidence: Evidence, criterion: Criterion, *, running: Collection[str] = ()) -> dict[str, Any]:
    """One criterion's entry of ``verdicts.json`` before any waiver and rounding; ``running`` are tests going on now."""

    def on_cards(part: Evidence) -> dict[str, Any]:
        return judged_on_cards(part, criterion, lambda card: _judge_criterion(card, criterion, running=running))

    together = on_cards(evidence)
    return together if len(evidence.parts) == 1 else pooled(evidence.parts, criterion, together, on_cards)


def _judge_criterion(evidence: Evidence, criterion: Criterion, *, running: Collection[str]) -> dict[str, Any]:
    claimed_by = claims(evidence).get(criterion.id, [])
    finding, sources = _find(evidence, criterion, claimed=bool(claimed_by), running=running)
    return {
        "id": criterion.id,
        "phase": criterion.phase,
        "title": criterion.title,
        "source": criterion.source,
        "kind": criterion.kind,
        "unit": criterion.unit,
        "direction": criterion.direction,
        "limit": plain(criterion.limit),
        "acceptance_limit": finding.acceptance_limit,
        "estimate": finding.estimate,
        "lower": finding.lower,
        "upper": finding.upper,
        "deciding": finding.deciding,
        "n": finding.n,
        "n_eff": finding.n_eff,
        "alpha": round(1 - criterion.confidence, 6),
        "method": finding.method,
        "verdict": str(finding.verdict),
        "reason": finding.reason,
        "next": finding.next,
        "evidence": list(sources),
        "waiver": None,
        "informative": criterion.informative,
        "bound_at": criterion.bound_at,
        "claimed_by": claimed_by,
    }


def _find(
    evidence: Evidence, criterion: Criterion, *, claimed: bool, running: Collection[str]
) -> tuple[Finding, tuple[str, ...]]:
    unruled = _without_rule(evidence, criterion, claimed=claimed, running=running)
    if unruled is not None:
        return unruled
    rule = RULES.get(criterion.metric)
    if rule is None:
        raise SuiteDefect(
            f"{criterion.id} is claimed by a test, but no rule judges it",
            where=criterion.bound_at,
            found=f"metric {criterion.metric!r}",
            possible=", ".join(sorted(RULES)),
        )
    try:
        finding, sources = rule(evidence, criterion)
    except EvidenceProblem as problem:
        return invalid(f"the evidence cannot be read: {problem}", next_step="measure again in a new run directory"), ()
    for breach in audit.session_breaches(evidence):
        if breach.reaches(sources):
            return invalid(breach.violation.sentence(), next_step=breach.violation.rule.fix, n=len(sources)), sources
    return finding, sources


def _without_rule(
    evidence: Evidence, criterion: Criterion, *, claimed: bool, running: Collection[str]
) -> tuple[Finding, tuple[str, ...]] | None:
    """The answer of a criterion that no rule is asked about."""
    if criterion.not_applicable is not None:
        return Finding(Verdict.NOT_APPLICABLE, criterion.not_applicable), ()
    if not claimed:
        return Finding(Verdict.NOT_MEASURED, "no acceptance test claims this criterion"), ()
    if (stopped := unfinished(evidence, criterion.id, running=running)) is not None:
        return stopped
    return not_judged(evidence) if is_tool(evidence) else None


def claims(evidence: Evidence) -> dict[str, list[str]]:
    """Criterion id -> tests that claim it, as the newest session found them in the suite."""
    found = evidence.of("claims")
    return dict(found[-1].data["tests"]) if found else {}


def measured_item(evidence: Evidence) -> dict[str, Any]:
    """What was measured, named as a title names it, and whether it is what the profile wants signed."""
    profile: Profile = evidence.campaign.profile
    engine = evidence.campaign.identity.engine
    through = f", through {engine['binding']}" if engine.get("binding") else ""
    wanted = profile.target
    matches = (
        engine["name"] == wanted.engine
        and engine["backend"] == wanted.backend
        and (wanted.version is None or engine["version"] == wanted.version)
    )
    return {
        "item": wanted.item,
        "measured": f"{engine['name']} {engine['version']}, {engine['backend']}{through}",
        "matches": matches,
    }


def _run(evidence: Evidence) -> dict[str, Any]:
    starts = evidence.of("session.start")
    identity = evidence.campaign.identity
    if len(evidence.parts) > 1:
        cards = [card for part in evidence.parts for card in part.campaign.identity.machine.get("gpus", ())]
        identity = replace(identity, machine={**identity.machine, **({"gpus": cards} if cards else {})})
    return {
        "id": " + ".join(part.campaign.id for part in evidence.parts),
        "suite": starts[-1].data["suite"] if starts else None,
        "started": min((part.records[0].at for part in evidence.parts if part.records), default=None),
        "ended": max((record.at for record in evidence.records if record.kind not in SAID_LATER), default=None),
        "sessions": [record.session for record in starts],
        "identity": identity.to_dict(),
    }
