"""A role signs a phase: its results, and where the phase can be accepted also that it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner

from pytest_rawrxd.errors import CampaignProblem, UsageProblem
from pytest_rawrxd.profile.suggest import nearest
from pytest_rawrxd.report.signing.envelope import place, predicate, read_signed, write_signed
from pytest_rawrxd.report.signing.inspect import Inspection, inspect
from pytest_rawrxd.report.signing.statement import APPROVAL, EXTENSION, RESULT, refuse_unacceptable, statement
from pytest_rawrxd.verdict.waivers import waivers_of

NAMED = 4


def sign(
    run_dir: Path,
    role: str,
    signer: CryptoSigner,
    *,
    phase: int | None,
    accept: bool,
    at: str,
    today: date,
    places: Sequence[Path] = (),
) -> list[Path]:
    """Write the envelopes of ``role`` and return their paths. ``at`` is the instant of signing, ISO 8601.

    Of a pool, its runs are looked for at ``places``, as ``inspect`` does.

    Nobody signs what does not hold: CampaignProblem where a file is not what the evidence gives. Raises UsageProblem
    for a role that the profile does not name and for an acceptance of what cannot be accepted.
    """
    found = inspect(run_dir, places)
    if found.problems or found.evidence is None or found.verdicts is None or found.sums is None:
        raise _refused(run_dir, found)
    roles = found.evidence.campaign.profile.roles.sign_off
    if role not in roles:
        raise UsageProblem("the profile has no such role", where="--role", found=role, possible=nearest(role, roles))
    chosen = _measured_phase(found.verdicts) if phase is None else phase
    if accept:
        refuse_unacceptable(found.verdicts, chosen)
        if late := waivers_of(found.evidence).expired(today):
            raise UsageProblem(
                "a waiver has expired since this run was judged",
                found=", ".join(f"{each.criterion} ({each.expiry})" for each in late),
                possible=f"rawrxd judge RUN_DIR --today {today}",
            )
    kinds = (RESULT, APPROVAL) if accept else (RESULT,)
    written = []
    for kind in kinds:
        path = place(run_dir, chosen, role, kind)
        instant = _instant(path) or at
        said = statement(kind, found.verdicts, chosen, role, sums=found.sums, at=instant, runs=found.runs)
        if path.is_file() and read_signed(path).statement != said:
            raise UsageProblem(
                "this role has signed something else here", where=str(path), possible="remove that file, and sign anew"
            )
        write_signed(path, said, signer)
        written.append(path)
    return written


def _instant(path: Path) -> str | None:
    """When the statement that is there was signed first: the second key of a role signs the same words."""
    if not path.is_file():
        return None
    said = predicate(read_signed(path)).get(EXTENSION)
    return str(said.get("at")) if isinstance(said, dict) else None


def _measured_phase(verdicts: Mapping[str, Any]) -> int:
    measured = sorted({entry["phase"] for entry in verdicts["criteria"] if entry["evidence"]})
    if len(measured) != 1:
        raise UsageProblem(
            "which phase is signed has to be said",
            where="--phase",
            found=f"evidence of {len(measured)} phases",
            possible=", ".join(map(str, measured)) or "1, 2, 3",
        )
    return int(measured[0])


def _refused(run_dir: Path, found: Inspection) -> CampaignProblem:
    named = "; ".join(f"{problem.file}: {problem.what}" for problem in found.problems[:NAMED])
    more = f" and {len(found.problems) - NAMED} more" if len(found.problems) > NAMED else ""
    return CampaignProblem(
        "this run is not what its evidence gives, and is not signed",
        where=str(run_dir),
        found=f"{named}{more}",
        possible="rawrxd judge RUN_DIR where pages are merely old; else the run was changed",
    )
