"""Is a run what its signers signed, and who accepted which phase?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem, RawrxdError
from pytest_rawrxd.evidence.campaign import CARD, SIGNATURES
from pytest_rawrxd.evidence.canonical import digest
from pytest_rawrxd.evidence.pooled import PooledRun
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.report.publish import SUMS, VERDICTS
from pytest_rawrxd.report.signing.attested import unattested
from pytest_rawrxd.report.signing.envelope import Signed, predicate, read_signed
from pytest_rawrxd.report.signing.inspect import Inspection, Problem, inspect
from pytest_rawrxd.report.signing.keys import Keys, slug
from pytest_rawrxd.report.signing.statement import APPROVAL, EXTENSION, RESULT, said, statement
from pytest_rawrxd.verdict.waivers import waivers_of

NAMED = 3


@dataclass(frozen=True)
class Acceptance:
    """Where one phase stands: its state, and by role the keys that signed its results and its acceptance."""

    phase: int
    state: str
    results: Mapping[str, tuple[str, ...]]
    accepted: Mapping[str, tuple[str, ...]]
    missing: tuple[str, ...]  #: roles that have not accepted, or not with as many keys as the profile asks for

    @property
    def is_accepted(self) -> bool:
        """Whether every role has accepted."""
        return not self.missing


@dataclass(frozen=True)
class Verification:
    """Everything that was found. A run holds where there is no problem."""

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    phases: tuple[Acceptance, ...]
    files: int
    signatures: int
    runs: tuple[PooledRun, ...] = ()  #: that are pooled


def verify(
    run_dir: Path,
    keys: Keys | None,
    *,
    today: date,
    expected: Mapping[str, str] | None = None,
    places: Sequence[Path] = (),
) -> Verification:
    """Check ``run_dir`` against its own evidence and the signatures of ``keys``; of a pool, its runs at ``places`` too.

    ``expected`` are fields of the identity, such as ``models.Q4_K`` or ``engine.version``, with the value that the
    reader means to accept: evidence of anything else is stale. Raises EvidenceProblem where there is no run at all.
    """
    found = inspect(run_dir, places)
    problems = {*found.problems, *_stale(found, expected or {}), *_overdue(found, today)}
    signed = []
    for path in sorted((run_dir / SIGNATURES).glob("*")):
        try:
            signed.append(read_signed(path))
        except RawrxdError as problem:
            problems.add(Problem(f"{SIGNATURES}/{path.name}", problem.what))
    notes = list(found.notes)
    if keys is None:
        notes.append("signatures were not checked: --keys names the public keys to check them against")
        if signed:
            problems.add(Problem(SIGNATURES, "there are signatures, and no keys to check them with"))
        valid: dict[str, tuple[str, ...]] = {}
    else:
        if not signed:
            notes.append("nobody has signed this run")
        valid = {each.name: each.keys_of(keys) for each in signed}
        for each in signed:
            problems.update(_unbelieved(each, valid[each.name], found))
        if found.evidence is not None:
            problems.update(unattested(found.evidence, keys))
    wrong = {problem.file for problem in problems}
    sound = [each for each in signed if f"{SIGNATURES}/{each.name}" not in wrong]
    phases = (
        ()
        if found.verdicts is None or found.evidence is None
        else tuple(
            _acceptance(int(number), found.verdicts, found.evidence.campaign.profile, sound, valid, whole=not problems)
            for number in sorted(found.verdicts["state"])
        )
    )
    return Verification(tuple(sorted(problems)), tuple(notes), phases, found.files, len(signed), found.runs)


def _unbelieved(signed: Signed, keys: tuple[str, ...], found: Inspection) -> Iterator[Problem]:
    """Why a signature does not count: nobody's, or about something else than what lies there."""
    name = f"{SIGNATURES}/{signed.name}"
    if not keys:
        yield Problem(name, f"no key of {signed.role} in the folder of keys made this signature")
        return
    if strangers := len(signed.envelope.signatures) - len(keys):
        yield Problem(name, f"{strangers} of its signatures are of no key of {signed.role}, or do not hold")
    if found.verdicts is None or found.evidence is None:
        return
    says = predicate(signed).get(EXTENSION)
    said_of = says if isinstance(says, dict) else {}
    roles = {slug(role): role for role in found.evidence.campaign.profile.roles.sign_off}
    if signed.role not in roles:
        yield Problem(name, f"the profile asks for no signature of {signed.role}")
        return
    evidence = _digests(said_of)
    if evidence.get(SUMS) != found.sums:
        yield Problem(SUMS, f"it is not the one that {signed.name} signs")
    if evidence.get(VERDICTS) != digest(found.verdicts):
        yield Problem(VERDICTS, f"what the evidence gives is not what {signed.name} signs")
    try:
        expected = statement(
            signed.kind,
            found.verdicts,
            signed.phase,
            roles[signed.role],
            sums=str(evidence.get(SUMS)),
            at=str(said_of.get("at")),
            runs=found.runs,
        )
    except RawrxdError as refused:
        yield Problem(name, f"it accepts what cannot be accepted: {refused.what}")
        return
    if differing := list(_differences(expected, signed.statement)):
        more = f" and {len(differing) - NAMED} more" if len(differing) > NAMED else ""
        yield Problem(name, f"it is about something else: {'; '.join(differing[:NAMED])}{more}")


def _digests(said_of: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {each["name"]: each["digest"]["sha256"] for each in said_of["evidence"]}
    except (KeyError, TypeError):
        return {}


def _differences(derived: Any, signed: Any, name: str = "") -> Iterator[str]:
    """Each place in which what was signed is not what the evidence gives."""
    if isinstance(derived, dict) and isinstance(signed, dict):
        for key in sorted(derived.keys() | signed.keys()):
            yield from _differences(derived.get(key), signed.get(key), f"{name}.{key}" if name else key)
    elif isinstance(derived, list) and isinstance(signed, list) and len(derived) == len(signed):
        for index, (left, right) in enumerate(zip(derived, signed, strict=True)):
            yield from _differences(left, right, f"{name}[{index}]")
    elif derived != signed:
        yield f"{name}: signed {signed!r}, the evidence gives {derived!r}"


def _acceptance(
    phase: int,
    verdicts: Mapping[str, Any],
    profile: Profile,
    signed: list[Signed],
    valid: Mapping[str, tuple[str, ...]],
    *,
    whole: bool,
) -> Acceptance:
    def by_role(kind: str) -> dict[str, tuple[str, ...]]:
        kept = {each.role: valid.get(each.name, ()) for each in signed if (each.phase, each.kind) == (phase, kind)}
        return {role: kept[slug(role)] for role in profile.roles.sign_off if kept.get(slug(role))}

    results, accepted = by_role(RESULT), by_role(APPROVAL)
    # One broken file leaves nothing accepted: a signer stood for the whole run.
    missing = [
        role
        for role in profile.roles.sign_off
        if not whole or min(len(results.get(role, ())), len(accepted.get(role, ()))) < profile.roles.needed(role)
    ]
    return Acceptance(phase, said(verdicts, phase), results, accepted, tuple(missing))


def _stale(found: Inspection, expected: Mapping[str, str]) -> Iterator[Problem]:
    if found.evidence is None:
        return
    fields = found.evidence.campaign.identity.fields()
    for name, value in expected.items():
        if name not in fields:
            raise EvidenceProblem(
                "the identity of this run has no such field",
                where=CARD,
                found=name,
                possible=", ".join(sorted(fields)),
            )
        if str(fields[name]) != value:
            yield Problem(CARD, f"stale evidence: {name} is {fields[name]}, expected is {value}")


def _overdue(found: Inspection, today: date) -> Iterator[Problem]:
    if found.evidence is None or found.verdicts is None:
        return
    waivers = waivers_of(found.evidence)
    for waiver in waivers.expired(today):
        if waivers.day is not None and not waiver.expired(waivers.day):
            what = (
                f"the waiver of {waiver.criterion} has expired on {waiver.expiry}, since it was judged on {waivers.day}"
            )
            yield Problem(str(waivers.ref["file"]), what)
