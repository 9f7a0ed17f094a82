"""A question of the roadmap as a fact: yes, no, or not known; in a rehearsal, that it was answered."""

from __future__ import annotations

from dataclasses import replace

from pytest_rawrxd.verdict.outcome import Finding, Verdict

WORDS = {Verdict.PASS: "CONFIRMED", Verdict.FAIL: "REFUTED", Verdict.INCONCLUSIVE: "UNDECIDED"}
HELD = {Verdict.PASS: 1.0, Verdict.FAIL: 0.0}


def as_fact(found: Finding) -> Finding:
    """``found`` with yes, no or nothing as its estimate; its figures stay in the reason and in ``deciding``."""
    return replace(found, estimate=HELD.get(found.verdict), lower=None, upper=None, acceptance_limit=None)


def answered(found: Finding) -> Finding:
    """``found`` as a rehearsal counts it: any answer is PASS, its word first; what gave no answer stays what it is.

    An acceptance profile judges the answer itself.
    """
    word = WORDS.get(found.verdict)
    if word is None:
        return found
    said = found.reason if found.reason.startswith(word) else f"{word}: {found.reason}"
    return as_fact(replace(found, verdict=Verdict.PASS, reason=said, next=None))
