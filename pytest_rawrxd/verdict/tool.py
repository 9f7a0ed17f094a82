"""What an external tool printed, as figures to stand beside others, and why no criterion is decided by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.foreign import read_result
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.tool import RUN, results
from pytest_rawrxd.rig.tool import BINDING
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.sides import Sample, Side, foreign_side, model_files

NEXT = "--sla-engine llama-server:PATH or llama-cpp-python, which the suite measures itself"


def is_tool(evidence: Evidence) -> bool:
    """Whether the campaign's engine is an external tool."""
    return evidence.campaign.identity.engine.get("binding") == BINDING


def not_judged(evidence: Evidence) -> Answer:
    """The finding of every criterion of such a campaign: NOT MEASURED, with what the tool did."""
    runs, troubles = evidence.of(RUN), evidence.of("trouble", during=RUN)
    name = evidence.campaign.identity.engine["name"]
    said = f"{name} is an external tool: what it prints is secondary evidence, which decides nothing; {len(runs)} runs"
    if troubles:
        first = troubles[0].data
        said += f", {len(troubles)} ended in trouble: {first['what']}: {first['found'] or first['type']}"
    elif runs and (unread := _unreadable(evidence)):
        said += f", nothing to show of {len(unread)}: {unread[0]}"
    elif runs:
        said += ", figures shown beside"
    return Finding(Verdict.NOT_MEASURED, said, next=NEXT), tuple(record.id for record in (*runs, *troubles))


def tool_side(evidence: Evidence) -> Side | None:
    """The figures of all runs, those of one test together; None where there are none."""
    found: dict[tuple[object, ...], list[Sample]] = {}
    for _record, side in _sides(evidence):
        for sample in side.samples:
            key = (sample.metric, sample.unit, tuple(sorted((k, str(v)) for k, v in sample.where.items())))
            found.setdefault(key, []).append(sample)
    samples = tuple(_pooled(same) for same in found.values())
    name = evidence.campaign.identity.engine["name"]
    return Side(evidence.campaign.id, f"what {name} printed", None, samples) if samples else None


def _pooled(same: list[Sample]) -> Sample:
    return replace(same[0], values=tuple(value for sample in same for value in sample.values))


def _sides(evidence: Evidence) -> Iterator[tuple[Record, Side]]:
    files = model_files(evidence)
    for record in evidence.of(RUN):
        for name, content in results(record.data, evidence.raw(record.data["raw"])).items():
            try:
                side = foreign_side(read_result(content, name), files)
            except EvidenceProblem:
                continue
            yield record, _named(side, record)
            break


def _named(side: Side, record: Record) -> Side:
    """``side`` with the variant that the tool was given, where its figures name no model."""
    variant = record.data["variant"]
    samples = tuple(
        sample
        if variant is None or "model" in sample.where or "variant" in sample.where
        else replace(sample, where={**sample.where, "variant": variant})
        for sample in side.samples
    )
    return replace(side, samples=samples)


def _unreadable(evidence: Evidence) -> list[str]:
    """Why the runs without a figure have none."""
    shown = {record.id for record, _ in _sides(evidence)}
    reasons = []
    for record in evidence.of(RUN):
        if record.id not in shown:
            content = results(record.data, evidence.raw(record.data["raw"]))["output"]
            try:
                read_result(content, "its output")
            except EvidenceProblem as problem:
                reasons.append(f"{problem.what} ({problem.found})" if problem.found else problem.what)
    return reasons
