"""Where a run was not made as the profile and the roadmap have it, in words, from its records."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_rawrxd.report.dossier import Phase, RunView
from pytest_rawrxd.verdict.outcome import Verdict


def deviations(view: RunView, phase: Phase) -> Iterator[str]:
    """Yield each deviation as a sentence; nothing where there is none."""
    target, profile = view.verdicts["target"], view.verdicts["profile"]
    if not target["matches"]:
        yield f"Measured was {target['measured']}; the item to be signed is {target['item']}."
    if profile["kind"] == "rehearsal":
        yield f"Profile {profile['name']} is a rehearsal: its bounds, durations and gates are its own."
    if excused := phase.counts.get(Verdict.NOT_APPLICABLE, 0):
        yield f"{excused} criteria of this phase are excused in the rehearsal; section 6 names them."
    if waived := sum(judged.waiver is not None for judged in phase.criteria):
        yield f"{waived} criteria of this phase have a waiver; page 1 names them."
    partial = sorted({run.variant for run in view.runs if run.partial_offload})
    if partial:
        yield f"PARTIAL OFFLOAD: {', '.join(partial)} did not fit the device and ran partly on the CPU."
    ended = {record.session: str(record.data.get("why")) for record in view.of("session.end")}
    for session in view.verdicts["run"]["sessions"]:
        why = ended.get(session)
        if why is None:
            yield f"Session {session} has no end in the ledger: it was killed, and what it had written counts."
        elif why != "finished":
            yield f"Session {session} was {why}; what it had written counts."
    if troubles := len(view.of("trouble")):
        yield f"{troubles} times the engine refused, crashed or hung; the criteria that rest on it say so."
