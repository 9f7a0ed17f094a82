"""A verification in words, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.report.signing.verify import Acceptance, Verification

KEY_DIGITS = 12


def told(found: Verification, *, wanted: Sequence[int] = ()) -> Iterator[str]:
    """Yield the lines: each file that is wrong, where each phase stands, and the sentence that says it all.

    ``wanted`` are phases that have to be accepted, said also where nobody has signed them.
    """
    for problem in found.problems:
        yield plain(f"CHANGED OR WRONG  {problem.file}: {problem.what}")
    if found.runs:
        yield f"pool of {len(found.runs)} runs, each with its card, ledgers and raw files:"
        yield from (plain(f"  {run.name}: {run.digest}") for run in found.runs)
    for phase in found.phases:
        if phase.results or phase.accepted or phase.phase in wanted:
            yield from _phase(phase)
    for note in found.notes:
        yield plain(f"note: {note}")
    files = f"{found.files} files, {found.signatures} signed statement{'' if found.signatures == 1 else 's'}"
    if found.problems:
        wrong = len({problem.file for problem in found.problems})
        yield f"REFUSED: {wrong} of {files} are not what they have to be"
    else:
        yield f"HOLDS: {files}; every digest computed again, every verdict and page derived again from raw evidence"


def _phase(phase: Acceptance) -> Iterator[str]:
    standing = "ACCEPTED" if phase.is_accepted else "NOT ACCEPTED"
    yield f"phase {phase.phase}: {phase.state}, {standing}"
    for role, keys in phase.accepted.items():
        yield plain(f"  accepted by {role}: {_short(keys)}")
    for role, keys in phase.results.items():
        if role not in phase.accepted:
            yield plain(f"  results signed by {role}, not accepted: {_short(keys)}")
    if phase.missing and not phase.state.startswith("REHEARSAL"):
        yield plain(f"  acceptance missing: {', '.join(phase.missing)}")


def _short(keys: Sequence[str]) -> str:
    return ", ".join(f"key {key[:KEY_DIGITS]}" for key in keys)
