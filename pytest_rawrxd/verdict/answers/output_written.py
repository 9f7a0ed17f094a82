"""``output_written``: the evidence holds everything that the named output is made of.

Files are rendered from verdicts and evidence after judging, so no verdict can depend on one of them. What is judged is
that the renderer will find every figure; it writes the file in the same session, or the session ends without a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.faults.window import DRILL as FAULT_DRILL
from pytest_rawrxd.measure.faults.window import WINDOW
from pytest_rawrxd.measure.levels import LEVEL, MAIN, Part
from pytest_rawrxd.measure.monitoring import CONTROL, DRILL, RULES
from pytest_rawrxd.measure.monitoring import FAULTS as DRILLED
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.answers.bottleneck import bottleneck_confirmed
from pytest_rawrxd.verdict.answers.hybrid_known import HYBRID, hybrid_known
from pytest_rawrxd.verdict.answers.soak_course import soak_report_lacks
from pytest_rawrxd.verdict.answers.sustained_duration import bandwidth_sample
from pytest_rawrxd.verdict.counts import fact
from pytest_rawrxd.verdict.ladder import judged_ladder
from pytest_rawrxd.verdict.level import EVERY_PART, level_sample, load_sample
from pytest_rawrxd.verdict.matrix import listed_cells
from pytest_rawrxd.verdict.memory import used_bytes
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.soak import soak_run
from pytest_rawrxd.verdict.standing import SCRIPT, plays_a_script, undecided

FEWEST_RUNS = 2  #: below, there is no spread and no interval
DECIDED = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)

#: One sentence for each thing that an output cannot show.
Lacks = Iterator[str]


def output_written(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge that nothing is lacking for the output; NOT MEASURED names what is."""
    output = str(criterion.where["output"])
    if output not in OUTPUTS:
        said = f"this version does not write {output}"
        return Finding(Verdict.NOT_MEASURED, said, next="a version of pytest-rawrxd that does"), ()
    place, complete, whole = OUTPUTS[output]
    of_a_document = criterion.phase == DOCUMENTING and plays_a_script(evidence)
    lacks = [SCRIPT] if of_a_document else list(complete(evidence))
    sources = _sources(evidence, whole)
    if lacks:
        said = f"{output} is not complete: {'; '.join(lacks)}"
        return Finding(Verdict.NOT_MEASURED, said, method="fact", next=f"measure all of {whole}"), sources
    return fact(True, sentence=f"{place}: nothing is lacking"), sources


def _sources(evidence: Evidence, whole: str) -> tuple[str, ...]:
    if whole == MONITORING:
        return tuple(record.id for record in evidence.of(DRILL))
    if whole == SOAK:
        run = soak_run(evidence)
        return run.sources if run is not None else ()
    if whole == FAULTS:
        return tuple(record.id for record in (*evidence.of(WINDOW), *evidence.of(FAULT_DRILL)))
    if whole == EVERYTHING:
        return (*judged_ladder(evidence).sources, *load_sample(evidence).sources)
    return (load_sample(evidence) if whole == LOAD else judged_ladder(evidence)).sources


def _monitoring_alerting(evidence: Evidence) -> Lacks:
    drilled = {record.data["fault"] for record in evidence.of(DRILL)}
    for fault in DRILLED:
        if fault not in drilled:
            yield f"the drill has no {'control' if fault == CONTROL else fault}"
    if not evidence.of(RULES):
        yield "no proof of the rules is recorded"


def _performance_matrix(evidence: Evidence) -> Lacks:
    for cell in listed_cells(evidence):
        if (lack := cell.lack) is not None:
            yield f"{cell.variant}, {cell.tokens} tokens: {lack.reason}"
        elif any(used_bytes(process.record.data) is None for process in cell.sample.processes):
            yield f"{cell.variant}, {cell.tokens} tokens: no memory figure"


def _statistical_analysis(evidence: Evidence) -> Lacks:
    yield from _intervals(evidence)
    for cell in listed_cells(evidence):
        if (lack := cell.lack) is not None:
            yield f"{cell.variant}, {cell.tokens} tokens: {lack.reason}"


def _performance_curves(evidence: Evidence) -> Lacks:
    yield from _intervals(evidence)
    for variant in evidence.campaign.profile.models.variants:
        if not evidence.of("model", variant=variant):
            yield f"{variant}: no manifest says its bytes per token"


def _decision_matrix(evidence: Evidence) -> Lacks:
    yield from _intervals(evidence)
    for variant in evidence.campaign.profile.models.variants:
        scored, missing = evidence.of("quality", variant=variant), evidence.of("quality.missing", variant=variant)
        if not scored:
            why = missing[-1].data["why"] if missing else "no score is recorded"
            yield f"{variant}: its quality was not measured: {why}"
        elif scored[-1].data["same_top_share"] is None:
            yield f"{variant}: its quality has no reference: {scored[-1].data['why_no_reference']}"


def _bandwidth_analysis(evidence: Evidence) -> Lacks:
    variant, sample = bandwidth_sample(evidence)
    if sample.problem is not None:
        yield f"sustained test of {variant}: {sample.problem.reason}"
    for criterion in evidence.campaign.profile.criteria.values():
        if criterion.metric in {"bottleneck_confirmed", "bottleneck_answered"}:
            found, _ = bottleneck_confirmed(evidence, criterion)
            if found.verdict not in DECIDED:
                yield f"bottleneck: {found.reason}"


def _hybrid_feasibility(evidence: Evidence) -> Lacks:
    # That it cannot be made, with the reason, is an answer that the page can give.
    if evidence.of("model.missing", variant=HYBRID):
        return
    for criterion in evidence.campaign.profile.criteria.values():
        if criterion.metric == "hybrid_known":
            found, _ = hybrid_known(evidence, criterion)
            if found.verdict not in DECIDED:
                yield found.reason


def _concurrency_load_test(evidence: Evidence) -> Lacks:
    yield from _levels(evidence, EVERY_PART)
    if (
        problem := level_sample(evidence, evidence.campaign.profile.protocol.phase2.streams, (MAIN,)).problem
    ) is not None:
        yield f"main run: {problem.reason}"


def _scaling_graph(evidence: Evidence) -> Lacks:
    yield from _levels(evidence, (LEVEL,))


def _levels(evidence: Evidence, parts: Sequence[Part]) -> Lacks:
    for streams in evidence.campaign.profile.protocol.phase2.levels:
        sample = level_sample(evidence, streams, parts)
        if sample.problem is not None:
            yield f"{streams} streams: {sample.problem.reason}"
        elif len(sample.runs) < FEWEST_RUNS:
            yield f"{streams} streams: one run has no interval"


def _intervals(evidence: Evidence) -> Lacks:
    for variant, sample in judged_ladder(evidence).samples.items():
        if sample.problem is not None:
            yield f"{variant}: {sample.problem.reason}"
        elif len(sample.processes) < FEWEST_RUNS:
            yield f"{variant}: one run has no interval"


def _error_handling(evidence: Evidence) -> Lacks:
    faults = evidence.campaign.profile.protocol.faults
    done = {str(record.data["kind"]) for record in (*evidence.of(WINDOW), *evidence.of(FAULT_DRILL))}
    for kind in dict.fromkeys((*faults.kinds, *faults.drills)):
        if kind not in done:
            yield f"{kind}: not injected"
    if len(evidence.of(WINDOW)) < faults.injections:
        yield f"{len(evidence.of(WINDOW))} of {faults.injections} injections"


def _operator_runbook(evidence: Evidence) -> Lacks:
    yield from _error_handling(evidence)
    yield from _monitoring_alerting(evidence)
    if not evidence.of("machine"):
        yield "the machine is not described"


def _decision_tree(evidence: Evidence) -> Lacks:
    if not evidence.campaign.profile.uses:
        yield "the profile names no use to choose a variant for"
    yield from _decision_matrix(evidence)


def _production_readiness(evidence: Evidence) -> Lacks:
    yield from undecided(evidence, lambda each: each.phase == HARDENING and not _hands_over(each, READINESS))


def _deployment(evidence: Evidence) -> Lacks:
    yield from undecided(
        evidence,
        lambda each: each.phase == DOCUMENTING and not _hands_over(each, DEPLOYMENT) and each.metric != RELEASE,
    )


def _hands_over(criterion: Criterion, output: str) -> bool:
    return criterion.where.get("output") == output


READINESS, DEPLOYMENT, RELEASE = "production_readiness_checklist", "deployment_checklist", "release_ready"
HARDENING, DOCUMENTING = 2, 3  #: the phases whose ends are production and a deployment
EVERYTHING = "every phase"
PHASE_1, LOAD, SOAK = "phase 1", "the load test", "the soak"
FAULTS, MONITORING = "the fault campaign", "the drill of the monitoring"

#: Output -> where a reader finds it, what it may lack, and what it shows all of.
OUTPUTS: Mapping[str, tuple[str, Callable[[Evidence], Lacks], str]] = {
    "performance_matrix": ("performance_matrix.csv", _performance_matrix, PHASE_1),
    "statistical_analysis": ("performance_statistics.csv", _statistical_analysis, PHASE_1),
    "performance_curves": ("charts/", _performance_curves, PHASE_1),
    "bandwidth_analysis": ("bandwidth_analysis.html", _bandwidth_analysis, PHASE_1),
    "hybrid_feasibility": ("hybrid_feasibility.html", _hybrid_feasibility, PHASE_1),
    "decision_matrix": ("performance_matrix.html, section 3", _decision_matrix, PHASE_1),
    "concurrency_load_test": ("concurrency_load_test.html", _concurrency_load_test, LOAD),
    "monitoring_alerting": ("monitoring_alerting.html", _monitoring_alerting, MONITORING),
    "error_handling": ("error_handling.html", _error_handling, FAULTS),
    "scaling_graph": ("charts/scaling.svg", _scaling_graph, LOAD),
    "operator_runbook": ("docs/OPERATOR_DEPLOYMENT_GUIDE.md", _operator_runbook, FAULTS),
    "decision_tree": ("docs/decision_tree.json", _decision_tree, PHASE_1),
    READINESS: (f"{READINESS}.html", _production_readiness, EVERYTHING),
    DEPLOYMENT: (f"{DEPLOYMENT}.html", _deployment, EVERYTHING),
    "stability_48h": ("stability_48h.html", soak_report_lacks, SOAK),
}
