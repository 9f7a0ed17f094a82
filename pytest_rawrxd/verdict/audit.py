"""Which validity rules does the evidence of a campaign break, whatever its criteria say?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.concurrency import RUN as LOAD
from pytest_rawrxd.measure.decode import REFERENCE, RUN, SUSTAINED
from pytest_rawrxd.verdict import checks
from pytest_rawrxd.verdict.cell import against_bandwidth, implausible, violations_of
from pytest_rawrxd.verdict.decoding import decode_processes
from pytest_rawrxd.verdict.level import run_of
from pytest_rawrxd.verdict.load_validity import load_roofline, load_violations
from pytest_rawrxd.verdict.selfcheck import SelfCheck
from pytest_rawrxd.verdict.soak import soak_runs, violations
from pytest_rawrxd.verdict.validity import RULES, Severity, Violation, violation


@dataclass(frozen=True)
class Breach:
    """A violated rule with the records that show it; a breach of ``sessions`` reaches every record of them."""

    violation: Violation
    evidence: tuple[str, ...]
    sessions: frozenset[str] = frozenset()

    @property
    def is_error(self) -> bool:
        return self.violation.rule.severity is Severity.ERROR

    def reaches(self, evidence: Iterable[str]) -> bool:
        """Whether one of these record ids is spoiled."""
        return any(record in self.evidence or session_of(record) in self.sessions for record in evidence)


def audit(evidence: Evidence) -> tuple[Breach, ...]:
    """Every violated rule once, in the order of the catalogue, with all the records that show it."""
    found = [*session_breaches(evidence), *_decoding(evidence), *_load(evidence), *_soak(evidence)]
    return tuple(
        _together([breach for breach in found if breach.violation.rule.id == rule])
        for rule in RULES
        if any(breach.violation.rule.id == rule for breach in found)
    )


def session_breaches(evidence: Evidence) -> Iterator[Breach]:
    """The sessions whose instrument failed its self-check, or that never made one."""
    checked = {record.session: record for record in evidence.of("self-check")}
    for start in evidence.of("session.start"):
        record = checked.get(start.session)
        if record is None:
            told = violation("V-SELFCHECK", f"session {start.session} has no self-check")
            yield Breach(told, (start.id,), frozenset({start.session}))
        elif (broken := SelfCheck.from_dict(record.data).violation()) is not None:
            told = violation("V-SELFCHECK", f"session {start.session}: {broken.found}")
            yield Breach(told, (record.id,), frozenset({start.session}))


def entries(breaches: Iterable[Breach], criteria: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The list ``validity`` of verdicts.json: each breach with the phases whose deciding criteria rest on it."""
    deciding = [criterion for criterion in criteria if not criterion["informative"]]
    return [
        {
            "rule": breach.violation.rule.id,
            "severity": str(breach.violation.rule.severity),
            "protects": breach.violation.rule.protects,
            "message": breach.violation.rule.message,
            "found": breach.violation.found,
            "fix": breach.violation.rule.fix,
            "phases": sorted({each["phase"] for each in deciding if breach.reaches(each["evidence"])}),
            "evidence": list(breach.evidence),
        }
        for breach in breaches
    ]


def session_of(record: str) -> str:
    """The session that wrote the record of this id."""
    return record.rsplit("-", 2)[0]  # the name of a run that was joined may hold the same sign


def _decoding(evidence: Evidence) -> Iterator[Breach]:
    runs = [record for kind in (RUN, REFERENCE, SUSTAINED) for record in evidence.of(kind)]
    for kind, variant, tokens in sorted({(run.kind, run.data["variant"], run.data["tokens"]) for run in runs}):
        try:
            processes = decode_processes(evidence, variant, tokens, kind)
        except EvidenceProblem:
            continue  # the criteria of this cell say what cannot be read, and are INVALID
        for process in processes:
            name = f"{variant}, {tokens} tokens, process {process.record.data['process']}"
            for told in (*violations_of(evidence, process), *implausible(evidence, process)):
                yield Breach(Violation(told.rule, f"{name}: {told.found}"), (process.record.id,))


def _load(evidence: Evidence) -> Iterator[Breach]:
    for record in evidence.of(LOAD):
        try:
            run = run_of(evidence, record)
            broken = [*load_violations(evidence, record, run), *against_bandwidth(load_roofline(evidence, run))]
        except EvidenceProblem:
            continue  # the criteria of this level say what cannot be read, and are INVALID
        if (coalesced := checks.coalesced(run.gaps.coalesced, run.stamps_ns.size)) is not None:
            broken.append(coalesced)
        beside = f"{record.data['beside']}, " if record.data.get("beside") else ""
        name = f"{beside}{run.streams} streams, process {record.data['run']}"
        for told in broken:
            yield Breach(Violation(told.rule, f"{name}: {told.found}"), (record.id,))


def _soak(evidence: Evidence) -> Iterator[Breach]:
    for run in soak_runs(evidence):
        for told in violations(run):
            yield Breach(Violation(told.rule, f"soak: {told.found}"), run.sources)


def _together(breaches: list[Breach]) -> Breach:
    first, *others = breaches
    more = f" (and {len(others)} more)" if others else ""
    return Breach(
        Violation(first.violation.rule, f"{first.violation.found}{more}"),
        tuple(record for breach in breaches for record in breach.evidence),
        frozenset().union(*(breach.sessions for breach in breaches)),
    )
