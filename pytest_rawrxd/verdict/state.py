"""From verdicts to the state of a phase, the sentence that says it, and the exit code of a session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_rawrxd.verdict.outcome import State, Verdict
from pytest_rawrxd.verdict.waivers import has_expired

PHASES = (1, 2, 3)
OPEN = (Verdict.INCONCLUSIVE, Verdict.INVALID, Verdict.NOT_MEASURED)
NAMED_AT_MOST = 4
VERBS = {
    Verdict.FAIL: "not kept",
    Verdict.INVALID: "invalid evidence",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.NOT_MEASURED: "not measured",
}


def deciding(entries: Iterable[Mapping[str, Any]], phase: int) -> list[Mapping[str, Any]]:
    """The entries of ``phase`` that take part in its state: informative ones never do."""
    return [entry for entry in entries if entry["phase"] == phase and not entry["informative"]]


def is_unclaimed(entry: Mapping[str, Any]) -> bool:
    return not entry["claimed_by"] and entry["verdict"] == Verdict.NOT_MEASURED


def error_rules(validity: Iterable[Mapping[str, Any]], phases: Iterable[int]) -> list[str]:
    """The validity rules of severity "error" that evidence of these phases breaks; such a phase cannot be signed."""
    wanted = set(phases)
    return [
        entry["rule"] for entry in validity if entry["severity"] == "error" and wanted.intersection(entry["phases"])
    ]


def phase_state(entries: Sequence[Mapping[str, Any]], *, errors: Sequence[str] = ()) -> State:
    """State over the deciding entries of one phase. No criterion at all is INCOMPLETE: no data is never a pass.

    ``errors`` are the validity rules that its evidence breaks: with one, INCOMPLETE is the best there is.
    """
    verdicts = [entry["verdict"] for entry in entries]
    if Verdict.FAIL in verdicts or any(has_expired(entry) for entry in entries):
        return State.REJECTED
    if errors or not verdicts or any(verdict in OPEN for verdict in verdicts):
        return State.INCOMPLETE
    if Verdict.WAIVED in verdicts:
        return State.APPROVED_WITH_WAIVERS
    return State.APPROVED


def describe_phase(
    entries: Sequence[Mapping[str, Any]], *, rehearsal: bool, errors: Sequence[str] = ()
) -> dict[str, Any]:
    """The state of one phase as ``verdicts.json`` holds it: state, rehearsal, sentence, counts, unclaimed."""
    counts = Counter(str(entry["verdict"]) for entry in entries)
    state = phase_state(entries, errors=errors)
    waived = counts[str(Verdict.WAIVED)]
    counted = f"APPROVED WITH {waived} WAIVER{'' if waived == 1 else 'S'}"
    return {
        "state": counted if state is State.APPROVED_WITH_WAIVERS else str(state),
        "rehearsal": rehearsal,
        "sentence": _sentence(entries, errors),
        "counts": {str(verdict): counts[str(verdict)] for verdict in Verdict},
        "unclaimed": sum(is_unclaimed(entry) for entry in entries),
    }


def _sentence(entries: Sequence[Mapping[str, Any]], errors: Sequence[str]) -> str:
    if not entries:
        return "The profile promises nothing in this phase."
    kept = sum(entry["verdict"] == Verdict.PASS for entry in entries)
    parts = [f"{kept} of {len(entries)} criteria kept"]
    for verdict, words in VERBS.items():
        named = [entry["id"] for entry in entries if entry["verdict"] == verdict and not is_unclaimed(entry)]
        if named:
            more = f" and {len(named) - NAMED_AT_MOST} more" if len(named) > NAMED_AT_MOST else ""
            parts.append(f"{words}: {', '.join(named[:NAMED_AT_MOST])}{more}")
    if expired := [f"{entry['id']} ({entry['waiver']['expiry']})" for entry in entries if has_expired(entry)]:
        parts.append(f"waiver expired: {', '.join(expired)}")
    if unclaimed := sum(is_unclaimed(entry) for entry in entries):
        parts.append(f"without a test: {unclaimed}")
    for verdict, words in ((Verdict.WAIVED, "waived"), (Verdict.NOT_APPLICABLE, "not applicable in a rehearsal")):
        if count := sum(entry["verdict"] == verdict for entry in entries):
            parts.append(f"{words}: {count}")
    if errors:
        parts.append(f"cannot be signed, validity errors: {', '.join(errors)}")
    return f"{'; '.join(parts)}."


def accepted(
    entries: Iterable[Mapping[str, Any]],
    phases: Iterable[int],
    *,
    rehearsal: bool,
    validity: Iterable[Mapping[str, Any]] = (),
) -> bool:
    """Whether a session over ``phases`` ends with exit code 0.

    Both APPROVED forms do. A rehearsal does when nothing failed or stayed open among the criteria that have a test:
    it cannot be signed anyway. Neither does when the evidence of a phase breaks a rule of ``validity``.
    """
    everything, phases = list(entries), list(phases)
    if error_rules(validity, phases):
        return False
    for phase in phases:
        there = deciding(everything, phase)
        if rehearsal:
            if any((e["verdict"] in (Verdict.FAIL, *OPEN) and not is_unclaimed(e)) or has_expired(e) for e in there):
                return False
        elif phase_state(there) not in {State.APPROVED, State.APPROVED_WITH_WAIVERS}:
            return False
    return True
