"""DSSE envelopes as files: one statement, the signatures over it, and only one way to write them down."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import FormatError, VerificationError
from securesystemslib.signer import CryptoSigner

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import SIGNATURES
from pytest_rawrxd.evidence.canonical import canonical, strict_loads
from pytest_rawrxd.report.signing.keys import Keys, slug
from pytest_rawrxd.report.signing.statement import APPROVAL, RESULT, Statement

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_ENVELOPE = 4 << 20
_NAME = re.compile(rf"phase([1-3])\.([a-z0-9-]+)\.({RESULT}|{APPROVAL})\.json")


@dataclass(frozen=True)
class Signed:
    """One file below ``signatures/``: whose, about which phase, and what it says."""

    name: str
    phase: int
    role: str  #: slug
    kind: str
    statement: Statement
    envelope: Envelope

    def keys_of(self, keys: Keys) -> tuple[str, ...]:
        """The ids of the role's keys that signed it; a signature that does not hold or is a stranger's is no such."""
        found = []
        for key in keys.by_role.get(self.role, ()):
            try:
                self.envelope.verify([key], 1)
            except VerificationError:
                continue
            found.append(key.keyid)
        return tuple(found)


def place(run_dir: Path, phase: int, role: str, kind: str) -> Path:
    """Where the statement of ``role`` about ``phase`` is kept."""
    return run_dir / SIGNATURES / f"phase{phase}.{slug(role)}.{kind}.json"


def write_signed(path: Path, statement: Statement, signer: CryptoSigner) -> None:
    """Sign ``statement`` into ``path``, beside the signatures over the same statement that it holds already."""
    payload = canonical(statement)
    envelope = read_signed(path).envelope if path.is_file() else Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_bytes(canonical(envelope.to_dict()))
    unfinished.replace(path)


def read_signed(path: Path) -> Signed:
    """Read one file of ``signatures/``. Raises EvidenceProblem where it is not byte by byte as it was written."""
    where = f"{SIGNATURES}/{path.name}"
    named = _NAME.fullmatch(path.name)
    if named is None or path.stat().st_size > MAX_ENVELOPE:
        raise EvidenceProblem("this is no signature of a run", where=where, possible="phaseN.ROLE.test-result.json")
    content = path.read_bytes()
    try:
        envelope = Envelope.from_dict(strict_loads(content))
        statement = strict_loads(envelope.payload)
        # Base64 has bits that decode to nothing: what does not come out as it went in was changed.
        whole = canonical(envelope.to_dict()) == content and canonical(statement) == envelope.payload
    except (ValueError, KeyError, TypeError, AttributeError, FormatError) as error:
        raise EvidenceProblem("a signature cannot be read", where=where, found=str(error)) from error
    if not whole or envelope.payload_type != PAYLOAD_TYPE or not isinstance(statement, dict):
        raise EvidenceProblem("a signature is not as it was written", where=where)
    return Signed(path.name, int(named[1]), named[2], named[3], statement, envelope)


def predicate(signed: Signed) -> dict[str, Any]:
    """The statement's predicate, empty where it has none."""
    found = signed.statement.get("predicate")
    return found if isinstance(found, dict) else {}
