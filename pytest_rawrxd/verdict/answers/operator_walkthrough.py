"""``operator_walkthrough``: somebody other than the author followed the guide, and signed how each step went."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.walkthrough import WALKTHROUGH, signed_bytes
from pytest_rawrxd.measure.guide import STEPS, guide_digest
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.counts import fact
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict

METHOD = "declaration"
AGAIN = "rawrxd walkthrough RUN_DIR, by somebody who did not write the guide"
SHOWN = 16  #: digits of a key that a reader compares


def operator_walkthrough(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the newest attestation; NOT MEASURED without one, INVALID where its signature does not hold."""
    found = evidence.of(WALKTHROUGH)
    if not found:
        said = "nobody has attested a walk through the operator's guide"
        return Finding(Verdict.NOT_MEASURED, said, method=METHOD, next=AGAIN), ()
    record = found[-1]
    if problems := list(unusable(record.data, evidence.campaign.id)):
        return invalid("; ".join(problems), next_step=AGAIN), (record.id,)
    statement = record.data["statement"]
    broken = [f"{step['step']}: {step['deviation'] or 'not done'}" for step in statement["steps"] if not step["done"]]
    otherwise = sum(bool(step["deviation"]) for step in statement["steps"])
    told = (
        f"{statement['role']} followed {len(STEPS)} steps on {statement['at']} ({statement['platform']}), {otherwise} "
        f"with a deviation; key {record.data['public_key'][:SHOWN]}, the author's {record.data['author_key'][:SHOWN]}"
    )
    said = f"could not be followed: {'; '.join(broken)}" if broken else told
    return fact(not broken, expected=criterion.limit is True, sentence=said), (record.id,)


def unusable(data: dict[str, Any], run: str) -> Iterator[str]:
    """Yield why a walk says nothing about ``run`` and the guide as it is now."""
    statement = data["statement"]
    if not _holds(data):
        yield "the signature does not hold"
    if data["public_key"] == data["author_key"]:
        yield "it is signed with the author's own key"
    if statement["run"] != run:
        yield f"it is about another run, {statement['run']}"
    if statement["guide"] != guide_digest():
        yield "the guide has changed since"
    if [step["step"] for step in statement["steps"]] != [step.name for step in STEPS]:
        yield "it does not go through every step in order"


def _holds(data: dict[str, Any]) -> bool:
    # Only who judges an attestation needs what verifies one.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(data["public_key"]))
        key.verify(bytes.fromhex(data["signature"]), signed_bytes(data["statement"]))
    except (InvalidSignature, ValueError):
        return False
    return True
