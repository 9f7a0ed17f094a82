"""The promises about single-stream throughput, judged from the fresh processes of one cell."""

from __future__ import annotations

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.decoding import DecodeProcess, decode_processes
from pytest_rawrxd.verdict.equivalence import equivalence
from pytest_rawrxd.verdict.floor import floor
from pytest_rawrxd.verdict.outcome import Finding, Verdict

Answer = tuple[Finding, tuple[str, ...]]


def decode_tps(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge ``decode_tps`` of a cell: a floor or an equivalence over its fresh processes."""
    variant, tokens = str(criterion.where["variant"]), int(criterion.where["tokens"])
    gates = evidence.campaign.profile.gates
    runs = evidence.of("decode.run", variant=variant, tokens=tokens)
    sources = tuple(record.id for record in runs)
    if troubles := evidence.of("trouble", variant=variant):
        return _troubled(troubles[0].data, len(troubles)), (*sources, *(record.id for record in troubles))
    if not runs:
        return (
            Finding(
                Verdict.NOT_MEASURED,
                f"no process generated {tokens} tokens with {variant} in this campaign",
                next=f"pytest acceptance/ -m phase1 --sla-run-dir {evidence.campaign.id}",
            ),
            (),
        )
    processes = decode_processes(evidence, variant, tokens)
    if unusable := _unusable(evidence, processes, tokens):
        return unusable, sources
    values = np.array([process.tps for process in processes])
    durations = np.array([process.decode_ns for process in processes])
    if criterion.kind == "equivalence":
        low, high = criterion.limit  # type: ignore[misc]  # the profile gives a band to this kind only
        found = equivalence(
            values,
            limits=(low, high),
            unit=criterion.unit,
            confidence=criterion.confidence,
            min_runs=gates.min_runs.equivalence,
            max_cv=gates.cv_max.to("ratio"),
            durations_ns=durations,
        )
    else:
        found = floor(
            values,
            limit=float(criterion.limit),  # type: ignore[arg-type]  # and a number to this one
            unit=criterion.unit,
            confidence=criterion.confidence,
            systematic=gates.systematic_error.to("ratio"),
            min_runs=gates.min_runs.floor,
            planned_runs=evidence.campaign.profile.protocol.phase1.processes.floor,
            max_cv=gates.cv_max.to("ratio"),
            durations_ns=durations,
        )
    return found, sources


def _troubled(trouble: dict[str, object], count: int) -> Finding:
    more = f" (and {count - 1} more)" if count > 1 else ""
    return invalid(
        f"process {trouble['process']}: {trouble['what']}{more}: {trouble['found'] or trouble['type']}",
        next_step="read the log lines of the recorded trouble, mend the cause, measure again in a new run directory",
    )


def _unusable(evidence: Evidence, processes: list[DecodeProcess], tokens: int) -> Finding | None:
    gates = evidence.campaign.profile.gates
    for process in processes:
        data = process.record.data
        name = f"process {data['process']} of session {process.record.session}"
        if data["finish_reasons"] != ["length"]:
            return invalid(
                f"{name}: an answer ended by {', '.join(data['finish_reasons'])} and not by its length of {tokens} tokens",
                next_step="end-of-sequence must be ignored by the engine under test",
            )
        foreign = data["host"]["foreign_share"]
        if foreign > gates.contamination_max.to("ratio"):
            return invalid(
                f"{name}: other programs used {foreign:.1%} of the CPU, the gate is {gates.contamination_max}",
                next_step="stop other work on the machine, then measure again in a new run directory",
            )
        if not process.steady.reached:
            return invalid(f"{name}: no steady state was reached", next_step="a longer protocol.phase1.min_duration")
    return None
