"""What a run says about its other criteria: for the rules of phase 3, which judge what the documents rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.waivers import waived, waivers_of

DECIDED = frozenset({Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.WAIVED})
KEPT = frozenset({Verdict.PASS, Verdict.WAIVED})
SCRIPT = "the engine plays a script: nothing of it is measured"
DECLARATION = "declaration"  #: a person says it; nothing that is measured can


def plays_a_script(evidence: Evidence) -> bool:
    """Whether the engine only plays a script: good for trying out tests, and for no document."""
    engine = evidence.campaign.identity.engine
    return "scripted" in {engine["name"], engine["backend"]}


def entry(evidence: Evidence, criterion: Criterion) -> dict[str, Any]:
    """The criterion's entry of verdicts.json with its waiver, judged once for all that ask."""
    from pytest_rawrxd.verdict.judge import judge_criterion  # noqa: PLC0415 - the judge asks the rules that ask here

    return evidence.once(
        ("standing", criterion.id), lambda: waived(judge_criterion(evidence, criterion), waivers_of(evidence))
    )


def deciding(evidence: Evidence, wanted: Callable[[Criterion], bool]) -> Iterator[Criterion]:
    """The criteria that take part in a decision and that ``wanted`` takes."""
    for criterion in evidence.campaign.profile.criteria.values():
        if not criterion.informative and criterion.not_applicable is None and wanted(criterion):
            yield criterion


def undecided(evidence: Evidence, wanted: Callable[[Criterion], bool]) -> Iterator[str]:
    """A sentence for each of them that has no verdict from a measurement; declarations are none."""
    for criterion in deciding(evidence, lambda each: each.kind != DECLARATION and wanted(each)):
        verdict = entry(evidence, criterion)["verdict"]
        if verdict not in DECIDED:
            yield f"{criterion.id} is {verdict}"
