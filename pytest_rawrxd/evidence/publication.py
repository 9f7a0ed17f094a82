"""The fact that a run is under version control, as a record of its own session."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_rawrxd.evidence.campaign import SessionLock, read_card, refuse_signed
from pytest_rawrxd.evidence.ledger import LedgerWriter
from pytest_rawrxd.measure.clock import Clock

PUBLICATION = "publication"


@dataclass(frozen=True)
class Publication:
    """What one commit holds of a run: digests of its evidence as listed there, digests of its outputs on both sides."""

    commit: str
    remote_branches: tuple[str, ...]
    evidence: Mapping[str, str]  #: file of the run directory -> SHA-256, from the committed list
    outputs: Mapping[str, Mapping[str, str | None]]  #: file -> {"run": SHA-256, "committed": SHA-256 or None}


def record_publication(run_dir: Path, publication: Publication, clock: Clock) -> str:
    """Append the fact to the run as a session of its own and return its evidence id: no earlier file changes."""
    with SessionLock(run_dir):
        refuse_signed(run_dir)
        campaign = read_card(run_dir)
        with LedgerWriter(
            run_dir / "ledger",
            session=campaign.new_session(),
            worker=PUBLICATION,
            identity=campaign.identity.digest,
            clock=clock,
        ) as ledger:
            return ledger.write(PUBLICATION, vars(publication)).id


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
