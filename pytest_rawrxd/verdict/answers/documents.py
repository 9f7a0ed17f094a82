"""The criteria of phase 3: is everything that the nine documents print in the evidence, and does it hold?

The documents are rendered from verdicts and evidence, in the same session and again by whoever verifies the run; a
number without a source stops the rendering. What is judged here is that no place of a document stays "not measured".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.concurrency import RUN as LOAD_RUN
from pytest_rawrxd.measure.decode import RUN as DECODE_RUN
from pytest_rawrxd.measure.faults.window import DRILL as FAULT_DRILL
from pytest_rawrxd.measure.faults.window import WINDOW
from pytest_rawrxd.measure.gpu import SAMPLES
from pytest_rawrxd.measure.monitoring import DRILL, RULES
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.answers.output_written import DOCUMENTING, OUTPUTS
from pytest_rawrxd.verdict.cell import cell_sample
from pytest_rawrxd.verdict.counts import count_of, fact
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.standing import DECLARATION, KEPT, SCRIPT, deciding, entry, plays_a_script, undecided
from pytest_rawrxd.verdict.tolerance import tolerance_floor
from pytest_rawrxd.verdict.wording import number

METHOD = "fact"
NAMED = 4
SLA = "SLA-"
MEASURING = (DECODE_RUN, LOAD_RUN, WINDOW, FAULT_DRILL, RULES, DRILL)

#: Document -> the outputs whose every figure it prints.
SHOWN: Mapping[str, tuple[str, ...]] = {
    "EXECUTIVE_SUMMARY.md": ("performance_matrix", "performance_curves", "decision_tree", "scaling_graph", "sla"),
    "BENCHMARK_VISUAL_SUMMARY.txt": ("performance_curves", "scaling_graph", "stability_48h", "error_handling", "sla"),
    "Q2K_vs_Q4K_BENCHMARK_REPORT.md": ("performance_matrix", "decision_tree", "hybrid_feasibility"),
    "PERFORMANCE_SLA_SPECIFICATION.md": ("statistical_analysis", "monitoring_alerting", "sla"),
    "OPERATOR_DEPLOYMENT_GUIDE.md": ("operator_runbook",),
    "PERFORMANCE_TRADE_OFF_ANALYSIS.md": ("performance_curves", "decision_tree", "energy"),
    "FINAL_GPU_BENCHMARK_REPORT.md": (
        "performance_matrix",
        "bandwidth_analysis",
        "hybrid_feasibility",
        "concurrency_load_test",
        "stability_48h",
        "error_handling",
    ),
    "GPU_SETUP_INSTRUCTIONS.md": ("setup",),
    "PRODUCTION_READINESS_FINAL_ASSESSMENT.md": ("production_readiness_checklist", "sla"),
}


def document_complete(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge that no place of one document stays without its value; NOT MEASURED names what is lacking."""
    name = str(criterion.where["document"])
    return _answer(evidence, _lacks(evidence, name), f"{name}: nothing is lacking")


def documents_complete(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge how many documents are complete."""
    lacking = tuple(name for name in SHOWN if any(_lacks(evidence, name)))
    found = count_of(len(SHOWN) - len(lacking), needed=round(_number(criterion)), of="documents", missing=lacking)
    if found.verdict is Verdict.FAIL:  # what was not measured is no broken promise
        found = Finding(Verdict.NOT_MEASURED, found.reason, method=METHOD, next="measure what they lack")
    return found, _sources(evidence)


def measured_only(evidence: Evidence, criterion: Criterion) -> Answer:  # noqa: ARG001 - every rule takes both
    """Judge that every figure of every document comes from a measurement of a real engine."""
    lacks = dict.fromkeys(lack for name in SHOWN for lack in _lacks(evidence, name))
    return _answer(evidence, iter(lacks), "each number of the nine documents is a measured one, or a promise by name")


def curves_publishable(evidence: Evidence, criterion: Criterion) -> Answer:  # noqa: ARG001 - as above
    """Judge that every curve has its interval."""
    parts = ("performance_curves", "scaling_graph", "stability_48h")
    return _answer(evidence, _lacks_of(evidence, parts), "every curve has its points with their intervals")


def recommendations_derived(evidence: Evidence, criterion: Criterion) -> Answer:  # noqa: ARG001 - as above
    """Judge that each recommendation has its rule and its figures."""
    said = "each use is answered by a rule of the profile from measured figures"
    return _answer(evidence, _lacks_of(evidence, ("decision_tree",)), said)


def version_history(evidence: Evidence, criterion: Criterion) -> Answer:  # noqa: ARG001 - as above
    """Judge that every session of the ledger says when it began and what it measured with."""
    began = {record.session for record in evidence.of("session.start") if record.data.get("suite")}
    measured = {record.session for record in evidence.records if record.kind in MEASURING}
    lacks = [f"session {name} does not say what measured it" for name in sorted(measured - began)]
    if not measured or plays_a_script(evidence):
        lacks = ["no session has measured anything"]
    return _answer(evidence, iter(lacks), f"{len(began)} sessions, each with its instant and version")


def sla_documented(evidence: Evidence, criterion: Criterion) -> Answer:  # noqa: ARG001 - as above
    """Judge that each row of the SLA has a test that claims it, an alert or a reason for none, and a verdict."""
    return _answer(
        evidence, _lacks_of(evidence, ("sla", "coverage")), "each row of the SLA has test, alert and verdict"
    )


def sla_achievable(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge that every measured row is kept, and each guaranteed rate is one that runs like these will keep.

    That is the lower tolerance limit of the fresh processes at the criterion's confidence, with margin and guard.
    """
    sources = _sources(evidence)
    rows = list(deciding(evidence, lambda each: each.id.startswith(SLA) and each.kind != DECLARATION))
    verdicts = {each.id: entry(evidence, each)["verdict"] for each in rows}
    if broken := [name for name, verdict in verdicts.items() if verdict == Verdict.FAIL]:
        return fact(False, sentence=f"not kept: {', '.join(broken)}"), sources
    if unsettled := [f"{name} is {verdict}" for name, verdict in verdicts.items() if verdict not in KEPT]:
        return _answer(evidence, iter(unsettled), "")
    told = []
    for row in rows:
        if row.kind != "floor" or "variant" not in row.where or "tokens" not in row.where:
            continue
        floor = _floor(evidence, row, criterion.confidence)
        if isinstance(floor, str):
            return invalid(f"{row.id}: {floor}", next_step="more processes on a quieter machine"), sources
        promised = _number(row)
        if floor < promised:
            said = f"{row.id} promises {number(promised)} tok/s; runs like these keep {number(floor)} tok/s"
            return fact(False, sentence=said), sources
        told.append(f"{row.id}: {number(promised)} promised, {number(floor)} tok/s can be kept")
    return fact(True, sentence="; ".join([f"{len(rows)} rows kept", *told])), sources


def release_ready(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge that every other deciding criterion of all phases is kept or waived: the documents are version 1.0 then.

    Of a rehearsal nobody declares anything, so that its declarations are left out.
    """
    rehearsal = evidence.campaign.profile.kind == "rehearsal"

    def asked(each: Criterion) -> bool:
        return each.id != criterion.id and not (rehearsal and each.kind == DECLARATION)

    found = {each.id: entry(evidence, each)["verdict"] for each in deciding(evidence, asked)}
    sources = _sources(evidence)
    if broken := [name for name, verdict in found.items() if verdict == Verdict.FAIL]:
        return fact(False, sentence=f"not kept: {_few(broken)}"), sources
    open_ones = [f"{name} is {verdict}" for name, verdict in found.items() if verdict not in KEPT]
    return _answer(evidence, iter(open_ones), f"{len(found)} criteria of all phases are kept")


def _floor(evidence: Evidence, row: Criterion, confidence: float) -> float | str:
    gates = evidence.campaign.profile.gates
    sample = cell_sample(evidence, str(row.where["variant"]), int(row.where["tokens"]))
    if sample.problem is not None:
        return sample.problem.reason
    try:
        return tolerance_floor(
            sample.tps,
            margin=gates.compare_margin.to("ratio"),
            systematic=gates.systematic_error.to("ratio"),
            confidence=confidence,
        )
    except EvidenceProblem as problem:
        return problem.what


def _lacks(evidence: Evidence, document: str) -> Iterator[str]:
    if plays_a_script(evidence):
        yield SCRIPT
        return
    yield from _lacks_of(evidence, SHOWN[document])


def _lacks_of(evidence: Evidence, parts: Sequence[str]) -> Iterator[str]:
    for part in parts:
        lacks = OWN[part] if part in OWN else OUTPUTS[part][1]
        yield from evidence.once(("lacks", part), lambda lacks=lacks: tuple(lacks(evidence)))  # type: ignore[misc]


def _sla(evidence: Evidence) -> Iterator[str]:
    if not any(name.startswith(SLA) for name in evidence.campaign.profile.criteria):
        yield "the profile has no row of an SLA"
    yield from undecided(evidence, lambda each: each.id.startswith(SLA))


def _coverage(evidence: Evidence) -> Iterator[str]:
    proofs = evidence.of(RULES)
    watched = proofs[-1].data.get("rows") if proofs else None
    if watched is None:
        yield "no proof of the rules says which row has which alert"
        return
    for row in deciding(evidence, lambda each: each.id.startswith(SLA)):
        if not entry(evidence, row)["claimed_by"]:
            yield f"{row.id} has no test"
        if not watched.get(row.id):
            yield f"{row.id} has no alert, and no reason for none"


def _setup(evidence: Evidence) -> Iterator[str]:
    if not evidence.of("machine"):
        yield "the machine is not described"
    for variant in evidence.campaign.profile.models.variants:
        if not evidence.of("model", variant=variant):
            yield f"{variant}: no manifest names its digest"


def _energy(evidence: Evidence) -> Iterator[str]:
    """What a token costs comes from the power that the GPU reported; an engine on the CPU has none."""
    if evidence.campaign.identity.engine["backend"] == "cpu":
        return
    tokens = evidence.campaign.profile.protocol.phase1.judged_tokens
    for variant in evidence.campaign.profile.models.variants:
        about = {"variant": variant, "tokens": tokens}
        if evidence.of(DECODE_RUN, **about) and not evidence.of(SAMPLES, during=DECODE_RUN, **about):
            yield f"{variant}: the GPU was not sampled while it decoded"


OWN: Mapping[str, Callable[[Evidence], Iterator[str]]] = {
    "sla": _sla,
    "coverage": _coverage,
    "setup": _setup,
    "energy": _energy,
}


def _answer(evidence: Evidence, lacks: Iterator[str], complete: str) -> Answer:
    found = list(dict.fromkeys(lacks))
    if found:
        said = f"lacking: {_few(found)}"
        return Finding(Verdict.NOT_MEASURED, said, method=METHOD, next="measure what is lacking"), _sources(evidence)
    return fact(True, sentence=complete), _sources(evidence)


def _few(found: Sequence[str]) -> str:
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(found[:NAMED]) + more


def _number(criterion: Criterion) -> float:
    if isinstance(criterion.limit, tuple):
        raise EvidenceProblem("one number is promised here", where=criterion.bound_at, found=str(criterion.limit))
    return float(criterion.limit)


def _sources(evidence: Evidence) -> tuple[str, ...]:
    """The records that the other phases' criteria rest on, which are what the documents print.

    Not every record: an engine that is shown beside the one under test decides nothing, and spoils nothing.
    """
    return evidence.once("sources of the documents", lambda: tuple(dict.fromkeys(_rested_on(evidence))))


def _rested_on(evidence: Evidence) -> Iterator[str]:
    for criterion in evidence.campaign.profile.criteria.values():
        if criterion.phase != DOCUMENTING and criterion.not_applicable is None:
            yield from entry(evidence, criterion)["evidence"]
