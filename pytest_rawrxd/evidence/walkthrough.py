"""A person has followed the operator's guide: the signed word of it, as a record of its own session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pytest_rawrxd.evidence.campaign import SessionLock, read_card, refuse_signed
from pytest_rawrxd.evidence.canonical import canonical, plain
from pytest_rawrxd.evidence.ledger import LedgerWriter
from pytest_rawrxd.measure.clock import Clock

WALKTHROUGH = "walkthrough"


@dataclass(frozen=True)
class Walked:
    """One step as it went; ``deviation`` is what was otherwise than the guide says, "" where nothing was."""

    step: str
    done: bool
    deviation: str


@dataclass(frozen=True)
class Attestation:
    """What is signed: who followed which guide, when, on what, and how each step went."""

    run: str
    guide: str  #: SHA-256 of the steps
    role: str
    at: str
    platform: str
    steps: Sequence[Walked]
    maintenance_hours: float | None = None  #: planned in a month, as the operator declares; None: nothing is declared

    @property
    def statement(self) -> dict[str, Any]:
        """As plain values."""
        return dict(plain(asdict(self)))


def signed_bytes(statement: dict[str, Any]) -> bytes:
    """The bytes that a signature of ``statement`` is over: canonical JSON (RFC 8785)."""
    return canonical(statement)


def record_walkthrough(
    run_dir: Path, statement: dict[str, Any], *, signature: str, public_key: str, author_key: str, clock: Clock
) -> str:
    """Append the attestation to the run as a session of its own and return its id; keys and signature are hex."""
    with SessionLock(run_dir):
        refuse_signed(run_dir)
        campaign = read_card(run_dir)
        with LedgerWriter(
            run_dir / "ledger",
            session=campaign.new_session(),
            worker=WALKTHROUGH,
            identity=campaign.identity.digest,
            clock=clock,
        ) as ledger:
            return ledger.write(
                WALKTHROUGH,
                {
                    "statement": statement,
                    "signature": signature,
                    "public_key": public_key,
                    "author_key": author_key,
                },
            ).id
