"""Who walked through the guide, and who wrote it: said by the verifier's folder of keys, as for every other signature.

The walk itself says only that two keys differ. Anybody can make a second key; whose they are has to be known elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.signer import SSlibKey

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.walkthrough import WALKTHROUGH
from pytest_rawrxd.report.signing.inspect import Problem
from pytest_rawrxd.report.signing.keys import Keys

AUTHOR = "guide-author"  #: how the folder may name the author of the guide, who need not have a role


def unattested(evidence: Evidence, keys: Keys) -> Iterator[Problem]:
    """Yield why the newest walk through the guide does not count for a verifier who trusts ``keys``."""
    for record in evidence.of(WALKTHROUGH)[-1:]:
        where = f"ledger/{record.session}-{record.worker}.jsonl"
        role = str(record.data["statement"]["role"])
        if record.data["public_key"] not in {public_hex(key) for key in keys.of(role)}:
            yield Problem(where, f"no key of {role} in the folder of keys signed the walk through the guide")
        if record.data["author_key"] not in {public_hex(key) for own in keys.by_role.values() for key in own}:
            said = f"the walk names an author of the guide whose key is not in the folder of keys ({AUTHOR}.pub)"
            yield Problem(where, said)


def public_hex(key: SSlibKey) -> str:
    """The 32 bytes of a public ed25519 key as hex; securesystemslib keeps them as hex or as PEM."""
    public = str(key.keyval["public"])
    if not public.startswith("-----"):
        return public
    loaded = serialization.load_pem_public_key(public.encode())
    return loaded.public_bytes_raw().hex() if isinstance(loaded, Ed25519PublicKey) else public
