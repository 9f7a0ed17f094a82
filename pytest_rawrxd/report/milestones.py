"""The milestone gates of the roadmap: M1, M2 and M3, each answered yes or no, with its reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_rawrxd.report.dossier import Phase, RunView
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.pick import Pick, deciding, picked
from pytest_rawrxd.verdict.outcome import State, Verdict

KEPT = (Verdict.PASS, Verdict.WAIVED)
NAMED = 3


@dataclass(frozen=True)
class Gate:
    """What a milestone asks, and the promises that answer it, in the words of the roadmap."""

    name: str
    question: str
    asked: tuple[tuple[str, tuple[Pick, ...]], ...]


GATES = {
    1: Gate(
        "M1",
        "Curve established and peak variant identified?",
        (
            ("curve", (Pick(metrics=("output_written",), output="performance_curves"),)),
            ("peak variant", (Pick(metrics=("peak_determined", "peak_answered")),)),
        ),
    ),
    2: Gate(
        "M2",
        "Concurrency and stability validated?",
        (
            (
                "concurrency",
                (
                    Pick(metrics=("inter_token_latency", "longest_gap", "aggregate_tps", "scaling_efficiency")),
                    Pick(during="load"),
                ),
            ),
            ("stability", (Pick(during="soak"), Pick(metrics=("soak_duration", "soak_completed")))),
        ),
    ),
    3: Gate(
        "M3",
        "Documents complete, v1.0 ready?",
        (
            ("documents", (Pick(metrics=("documents_complete", "document_complete")),)),
            ("v1.0", (Pick(metrics=("release_ready",)),)),
        ),
    ),
}


@dataclass(frozen=True)
class Milestone:
    """One gate, answered. It is met only where its phase is approved and everything it asks for is kept."""

    name: str
    question: str
    phase: int
    met: bool
    reasons: tuple[str, ...]
    broken: tuple[str, ...]  #: what it asks for and does not have, by id and verdict


def milestones(view: RunView) -> tuple[Milestone, ...]:
    """Return the gate of each phase of ``view``."""
    return tuple(_answer(view, phase, GATES[phase.number]) for phase in view.phases if phase.number in GATES)


def _answer(view: RunView, phase: Phase, gate: Gate) -> Milestone:
    asked = [(what, deciding(picked(view, phase.criteria, picks))) for what, picks in gate.asked]
    kept = all(found and all(judged.verdict in KEPT for judged in found) for _, found in asked)
    approved = phase.state in {State.APPROVED, State.APPROVED_WITH_WAIVERS} and not phase.rehearsal
    broken = [f"{judged.id} {judged.verdict}" for _, found in asked for judged in found if judged.verdict not in KEPT]
    more = [f"{len(broken) - NAMED} more"] if len(broken) > NAMED else []
    return Milestone(
        gate.name,
        gate.question,
        phase.number,
        kept and approved,
        tuple(_reasons(phase, asked)),
        (*broken[:NAMED], *more),
    )


def _reasons(phase: Phase, asked: list[tuple[str, tuple[Judged, ...]]]) -> Iterator[str]:
    for what, found in asked:
        kept = sum(judged.verdict in KEPT for judged in found)
        yield f"{what}: {kept} of {len(found)} kept" if found else f"{what}: not promised"
    yield f"phase {phase.number} is {phase.said}{', a rehearsal opens no gate' if phase.rehearsal else ''}"
