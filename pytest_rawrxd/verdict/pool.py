"""One verdict on the runs of several hosts: what adds up is judged on all of it, the rest has to hold on each.

No run hides in a crowd: a promise that one run breaks alone is broken, whatever the others add. An INCONCLUSIVE or a
sample that is too small may become a decision, because exposure adds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.outcome import Verdict

Entry = dict[str, Any]
JudgeOne = Callable[[Evidence], Entry]

#: Of each run alone: the course of one soak, the servers of one fleet, and what somebody declares, writes or commits.
OF_EACH_RUN = frozenset(
    {
        "soak_duration",
        "soak_completed",
        "soak_record",
        "latency_trend",
        "vram_drift",
        "vram_hourly_floor",
        "error_log_lines",
        "failed_restarts",
        "output_written",
        "data_under_version_control",
        "operator_walkthrough",
        "document_complete",
        "documents_complete",
        "measured_only",
        "curves_publishable",
        "recommendations_derived",
        "version_history",
        "sla_documented",
        "sla_achievable",
        "release_ready",
        "alerts_early",
        "cpu_fallback",
        "queue_served",
        "fault_handled",
        "wrong_answers",
        "server_latency",
        "server_spread",
    }
)
ADDS_UP_IN_A_SOAK = frozenset({"soak_latency", "availability", "crashes"})
WORST_FIRST = (Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.PASS)


def pooled(parts: Sequence[Evidence], criterion: Criterion, together: Entry, judge_one: JudgeOne) -> Entry:
    """The entry of ``criterion`` for all ``parts``; ``together`` is what a judge of all their records says."""
    if together["verdict"] == Verdict.NOT_APPLICABLE:
        return together
    alone = {part.campaign.id: judge_one(part) for part in parts}
    measured = {run: entry for run, entry in alone.items() if entry["verdict"] != Verdict.NOT_MEASURED}
    if not measured:
        return together
    if broken := {run: entry for run, entry in measured.items() if entry["verdict"] == Verdict.FAIL}:
        return _of(broken, Verdict.FAIL, alone)
    if _of_each_run(criterion) and len(measured) > 1:
        worst = next(verdict for verdict in WORST_FIRST if verdict in {entry["verdict"] for entry in measured.values()})
        return _of({run: entry for run, entry in measured.items() if entry["verdict"] == worst}, worst, alone)
    if len(measured) == 1 and together["verdict"] == Verdict.NOT_MEASURED:
        return _of(measured, Verdict(next(iter(measured.values()))["verdict"]), alone)
    return {**together, "reason": f"{together['reason']}; {_each(alone)}"}


def _of_each_run(criterion: Criterion) -> bool:
    during_soak = criterion.where.get("during") == "soak" and criterion.metric not in ADDS_UP_IN_A_SOAK
    return criterion.metric in OF_EACH_RUN or during_soak


def _of(entries: Mapping[str, Entry], verdict: Verdict, alone: Mapping[str, Entry]) -> Entry:
    """The entry of the first of ``entries``, said to be its run's, with the evidence of all that were judged alone."""
    run, entry = next(iter(entries.items()))
    evidence = [record for each in alone.values() for record in each["evidence"]]
    return {
        **entry,
        "verdict": str(verdict),
        "reason": f"{run}: {entry['reason']}; {_each(alone)}",
        "evidence": evidence,
    }


def _each(alone: Mapping[str, Entry]) -> str:
    return "alone: " + ", ".join(f"{run} {entry['verdict']}" for run, entry in alone.items())
