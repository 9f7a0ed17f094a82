"""Leads a person through the operator's guide, step by step, and signs what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.signer import CryptoSigner

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import read_card
from pytest_rawrxd.evidence.walkthrough import Attestation, Walked, record_walkthrough, signed_bytes
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.guide import SETTINGS, STEPS, Step, guide_digest
from pytest_rawrxd.profile.suggest import nearest
from pytest_rawrxd.report.signing.attested import public_hex

Ask = Callable[[str], str]
Say = Callable[[str], None]
HOURS_OF_A_MONTH = 31 * 24
YES, NO = ("y", "yes"), ("n", "no")


def walk(
    run_dir: Path, *, role: str, signer: CryptoSigner, author: Path, windows: bool, ask: Ask, say: Say, clock: Clock
) -> str:
    """Ask about every step and for the planned maintenance, sign the answers and return the id of their record.

    Raises UsageProblem for a role that the profile does not name, and for the author's own key: before the first
    question.
    """
    campaign = read_card(run_dir)
    roles = campaign.profile.roles.sign_off
    if role not in roles:
        raise UsageProblem("the profile has no such role", where="--role", found=role, possible=nearest(role, roles))
    own, authors = public_hex(signer.public_key), author_key(author)
    if own == authors:
        raise UsageProblem(
            "the author of the guide cannot attest that somebody else followed it",
            where="--key",
            possible="the key of another person (rawrxd sign keygen)",
        )
    attested = Attestation(
        campaign.id,
        guide_digest(),
        role,
        clock.wall().isoformat(timespec="seconds"),
        "Windows, PowerShell" if windows else "bash",
        tuple(_steps(windows=windows, ask=ask, say=say)),
        _maintenance(ask),
    )
    signature = signer.sign(signed_bytes(attested.statement)).signature
    return record_walkthrough(
        run_dir, attested.statement, signature=signature, public_key=own, author_key=authors, clock=clock
    )


def author_key(path: Path) -> str:
    """The author's public key as hex. Raises UsageProblem where the file is none."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as refused:
        raise UsageProblem(
            "this is no public ed25519 key", where=str(path), possible="the .pub file of rawrxd sign keygen"
        ) from refused
    if not isinstance(key, Ed25519PublicKey):
        raise UsageProblem("this is no public ed25519 key", where=str(path), possible="a key of rawrxd sign keygen")
    return key.public_bytes_raw().hex()


def _steps(*, windows: bool, ask: Ask, say: Say) -> Iterator[Walked]:
    say("Fill in these variables first:")
    for name, about in SETTINGS:
        say(f"  {name}: {about}")
    for position, step in enumerate(STEPS, 1):
        say(f"\nStep {position} of {len(STEPS)}: {step.title}\n")
        say("\n".join(f"    {line}" for line in (step.powershell if windows else step.bash).splitlines()))
        say(f"\n  expected: {step.result}")
        yield _answer(step, ask)


def _maintenance(ask: Ask) -> float | None:
    question = "\nHow many hours of maintenance are planned in a month? (empty: you declare nothing) "
    while said := ask(question).strip():
        with suppress(ValueError):
            hours = float(said)
            if 0 <= hours < HOURS_OF_A_MONTH:
                return hours
    return None


def _answer(step: Step, ask: Ask) -> Walked:
    while (said := ask("  Did you see it? [y/n] ").strip().lower()) not in (*YES, *NO):
        pass
    done = said in YES
    question = "  What was otherwise than written? (empty: nothing) " if done else "  What happened instead? "
    return Walked(step.name, done, ask(question).strip())
