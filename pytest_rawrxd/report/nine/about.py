"""What the nine documents are about: the item, the machine, the sessions, and how far its phases and gates came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_rawrxd.report import number
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.milestones import milestones
from pytest_rawrxd.report.nine.fact import CARD, Fact, fact
from pytest_rawrxd.verdict.outcome import State

APPROVED = frozenset({State.APPROVED, State.APPROVED_WITH_WAIVERS})
OF_A_DEVICE = frozenset({"driver", "gpu"})  #: what an engine on the CPU does not have
WHYS: Mapping[str, str] = {
    "driver": "no device driver took part in this run",
    "gpu": "no GPU took part in this run",
}


@dataclass(frozen=True)
class PhaseLine:
    """One phase and its state."""

    number: int
    title: str
    state: str
    sentence: Fact


@dataclass(frozen=True)
class GateLine:
    """One milestone gate, answered."""

    question: str
    met: bool
    why: Fact


def about(view: RunView) -> Mapping[str, Fact]:
    """Return what was measured, where, when and by whom: by a short name."""
    run, target = view.verdicts["run"], view.verdicts["target"]
    identity, machine = run["identity"], view.machine
    described = [record.id for record in view.of("machine")][:1]
    starts = view.of("session.start")
    gpus = ", ".join(str(gpu.get("name")) for gpu in machine.get("gpus", ()))
    roomy = machine.get("memory_bytes")
    confidence = view.profile.whole.gates.confidence if view.profile.whole else 0.95
    said = {
        "run": (run["id"], [CARD]),
        "item": (target["item"], [CARD]),
        "measured": (target["measured"], [CARD]),
        "driver": (identity["driver"], [CARD]),
        "profile": (view.verdicts["profile"]["title"], [CARD]),
        "digest": (view.digest[:16], [CARD]),
        "suite": (run["suite"], [record.id for record in starts]),
        "started": (run["started"], [record.id for record in starts]),
        "cpu": (machine.get("cpu"), described),
        "os": (machine.get("os"), described),
        "gpu": (gpus or None, described),
        "memory": (None if roomy is None else number.size(int(roomy)), described),
        "confidence": (f"{number.exact(confidence, 'share')} %", [CARD]),
    }
    if view.card is not None:
        said["card"] = (str(view.card), [record.id for record in starts])
    on_cpu = identity["engine"]["backend"] == "cpu"
    return {
        name: fact(
            f"about/{name}",
            None if text is None else str(text),
            sources,
            why=WHYS.get(name, "no record"),
            applies=not (on_cpu and name in OF_A_DEVICE),
        )
        for name, (text, sources) in said.items()
    }


def history(view: RunView) -> tuple[tuple[Fact, Fact, Fact, Fact], ...]:
    """Return each session: name, when it began, what measured it, how it ended."""
    ended = {record.session: record for record in view.of("session.end")}
    return tuple(
        (
            fact(f"session/{start.session}/name", start.session, [start.id]),
            fact(f"session/{start.session}/at", start.at, [start.id]),
            fact(f"session/{start.session}/suite", str(start.data["suite"]), [start.id]),
            fact(
                f"session/{start.session}/end",
                str(end.data["why"]) if end else None,
                [end.id if end else start.id],
                why="it has no end in the ledger",
            ),
        )
        for start in view.of("session.start")
        for end in [ended.get(start.session)]
    )


def phases(view: RunView) -> tuple[PhaseLine, ...]:
    """Return the state of each phase with the sentence that says it."""
    return tuple(
        PhaseLine(
            phase.number,
            phase.title,
            "REHEARSAL " * phase.rehearsal + phase.state.value,
            fact(f"phase/{phase.number}/sentence", phase.sentence, [CARD]),
        )
        for phase in view.phases
    )


def gates(view: RunView) -> tuple[GateLine, ...]:
    """Return each milestone gate with its answer and the reasons for it."""
    return tuple(
        GateLine(gate.question, gate.met, fact(f"gate/{gate.name}/why", "; ".join(gate.reasons), [CARD]))
        for gate in milestones(view)
    )


def decision(view: RunView) -> str:
    """Return whether the item may be deployed, in a sentence: by the states of the phases and by nothing else."""
    if view.rehearsal:
        return "No. This is a rehearsal: whatever it shows, it approves no item."
    waiting = [f"{phase.title} is {phase.state}" for phase in view.phases if phase.state not in APPROVED]
    if waiting or not view.phases:
        return f"No. {'; '.join(waiting)}."
    waivers = any(phase.state is State.APPROVED_WITH_WAIVERS for phase in view.phases)
    approved = "Every phase is approved, with waivers" if waivers else "Every phase is approved"
    return f"Yes, as soon as every role has signed. {approved} by what was measured."
