"""What a signer may tick by hand."""

from __future__ import annotations

from pytest_rawrxd.report.dossier import Phase
from pytest_rawrxd.verdict.outcome import State


def approval_options(phase: Phase) -> tuple[str, ...]:
    """Return what a signer may tick: acceptance is open only where the state allows it."""
    if phase.rehearsal:
        return ("seen (rehearsal, no acceptance)",)
    return {
        State.APPROVED: ("accept", "reject"),
        State.APPROVED_WITH_WAIVERS: ("accept with waivers", "reject"),
        State.INCOMPLETE: ("more evidence", "reject"),
        State.REJECTED: ("reject", "repair and test again"),
    }[phase.state]
