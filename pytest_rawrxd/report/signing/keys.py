"""Keys: an ed25519 pair a signer keeps, and the folder of public keys a verifier trusts, one or more a role.

Files are PEM (PKCS 8 and SubjectPublicKeyInfo), as plain openssl reads them. Which role a public key speaks for is said
by its file name, ``gpu-engineering-lead.pub`` or ``gpu-engineering-lead.anna.pub``, and never by what was signed.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.signer import CryptoSigner, SSlibKey

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import CARD

PUBLIC, PRIVATE = ".pub", ".key"
MAX_KEY = 1 << 16
FOREIGN_BITS = stat.S_IRWXG | stat.S_IRWXO

#: Asks for the passphrase of the key that the text names.
Ask = Callable[[str], str]


@dataclass(frozen=True)
class Keys:
    """The public keys that a verifier trusts, by the slug of the role they speak for."""

    folder: Path
    by_role: Mapping[str, tuple[SSlibKey, ...]]

    def of(self, role: str) -> tuple[SSlibKey, ...]:
        """The keys of one role, none where the folder has none."""
        return self.by_role.get(slug(role), ())


def slug(role: str) -> str:
    """A role as a file name has it: ``GPU Engineering Lead`` is ``gpu-engineering-lead``."""
    return re.sub(r"[^a-z0-9]+", "-", role.lower()).strip("-")


def generate(folder: Path, role: str, passphrase: str | None) -> tuple[Path, Path]:
    """Write a new pair into ``folder`` and return the private and the public file.

    The private key is readable by its owner alone, and encrypted where there is a passphrase. Raises UsageProblem
    where a file of that name exists: a key is never overwritten.
    """
    if (folder / CARD).exists():
        raise UsageProblem(
            "a private key does not belong into a run directory", where=str(folder), possible="a folder of your own"
        )
    key = Ed25519PrivateKey.generate()
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    shared = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    private, public = folder / f"{slug(role)}{PRIVATE}", folder / f"{slug(role)}{PUBLIC}"
    for path in (private, public):
        if path.exists():
            raise UsageProblem(
                "a key is never overwritten", where=str(path), possible="another folder, or a name of your own for it"
            )
    _write_new(private, secret, 0o600)
    _write_new(public, shared, 0o644)
    return private, public


def load_signer(path: Path, ask: Ask) -> CryptoSigner:
    """The signer of a private key file. Raises UsageProblem where others may read it or it is no ed25519 key."""
    content = _read(path)
    if os.name == "posix" and (shared := stat.S_IMODE(path.stat().st_mode) & FOREIGN_BITS):
        raise UsageProblem(
            "others may read this private key",
            where=str(path),
            found=f"mode {stat.S_IMODE(path.stat().st_mode):04o}, of which {shared:04o} is for group and others",
            possible=f"chmod 600 {path}",
        )
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except TypeError:  # it is encrypted
        try:
            key = serialization.load_pem_private_key(content, password=ask(f"passphrase of {path}: ").encode())
        except ValueError as refused:
            raise UsageProblem(
                "the passphrase does not open this key", where=str(path), possible="the one given at keygen"
            ) from refused
    except (ValueError, UnsupportedAlgorithm) as refused:
        raise _no_key(path, "private") from refused
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private")
    return CryptoSigner(key)


def load_keys(folder: Path) -> Keys:
    """The public keys of ``folder``. Raises UsageProblem where there are none, or one stands for two roles."""
    by_role: dict[str, list[SSlibKey]] = {}
    first: dict[str, str] = {}
    for path in sorted(folder.glob(f"*{PUBLIC}")):
        key = _public(path)
        if (earlier := first.setdefault(key.keyid, path.name)) != path.name:
            raise UsageProblem(
                "one key stands in two files: nobody signs twice",
                where=str(folder),
                found=f"{earlier} and {path.name}",
                possible="a key of its own for each signer",
            )
        by_role.setdefault(path.name.split(".")[0], []).append(key)
    if not by_role:
        raise UsageProblem(
            "there are no public keys to check against",
            where=str(folder),
            found="a folder without *.pub" if folder.is_dir() else "no folder",
            possible="ROLE.pub for each role, such as gpu-engineering-lead.pub",
        )
    return Keys(folder, {role: tuple(keys) for role, keys in by_role.items()})


def _public(path: Path) -> SSlibKey:
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as refused:
        raise _no_key(path, "public") from refused
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public")
    return SSlibKey.from_crypto(key)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY)
    except OSError as trouble:
        raise UsageProblem(
            "the key cannot be read", where=str(path), found=trouble.strerror, possible="a file of rawrxd sign keygen"
        ) from trouble


def _no_key(path: Path, kind: str) -> UsageProblem:
    return UsageProblem(
        f"this is no {kind} ed25519 key", where=str(path), possible="PEM, as rawrxd sign keygen or openssl writes it"
    )


def _write_new(path: Path, content: bytes, mode: int) -> None:
    # The mode stands before the first byte: at no moment can another user read it.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
