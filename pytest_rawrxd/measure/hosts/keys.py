"""Keys of a load from many hosts: one authority, one side for the coordinator, one for all workers.

Who holds a key of either side can run code on every host that meets there, as with a login. The authority's own key is
never written, so that nobody can add a side later; keys end after ``days``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from distributed import Security

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.hosts.place import FILES, keys_in

SIDES = ("coordinator", "worker")
DAYS = 30
SKEW = timedelta(minutes=10)  #: a worker's clock may be behind
CA, CERTIFICATE, KEY = FILES

Key = ec.EllipticCurvePrivateKey


def make_keys(folder: Path, *, days: int, now: datetime) -> list[Path]:
    """Write ``coordinator/`` and ``worker/`` into ``folder`` and return the two.

    Raises UsageProblem where one of them exists: a key is never overwritten.
    """
    for side in SIDES:
        if (folder / side).exists():
            raise UsageProblem(
                "a key is never overwritten", where=str(folder / side), possible="another folder, or remove this one"
            )
    authority = ec.generate_private_key(ec.SECP256R1())
    root = _certificate("pytest-rawrxd load authority", authority, None, authority, days=days, now=now)
    return [_side(folder / side, side, root, authority, days=days, now=now) for side in SIDES]


def security(folder: Path, *, now: datetime) -> Security:
    """What both sides give to Dask: TLS with a certificate on either end, nothing unencrypted.

    Raises UsageProblem where a file is missing, cannot be read, others may read the key, or the certificate is over.
    """
    keys_in(folder)
    ca, certificate, key = (str(folder / name) for name in FILES)
    if os.name == "posix" and stat.S_IMODE((folder / KEY).stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageProblem("others may read this key", where=key, possible=f"chmod 600 {key}")
    try:
        end = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as problem:
        raise UsageProblem("this certificate cannot be read", where=certificate, found=str(problem)) from problem
    if now >= end:
        raise UsageProblem(
            "these keys are over", where=certificate, found=f"valid until {end:%Y-%m-%d}", possible="rawrxd load keys"
        )
    sides = {f"tls_{side}_{what}": path for side in ("scheduler", "client", "worker") for what, path in _files(folder)}
    return Security(tls_ca_file=ca, require_encryption=True, **sides)


def _files(folder: Path) -> Sequence[tuple[str, str]]:
    return ("cert", str(folder / CERTIFICATE)), ("key", str(folder / KEY))


def _side(folder: Path, side: str, root: x509.Certificate, authority: Key, *, days: int, now: datetime) -> Path:
    folder.mkdir(parents=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(f"pytest-rawrxd load {side}", key, root, authority, days=days, now=now)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    contents = (root.public_bytes(Encoding.PEM), certificate.public_bytes(Encoding.PEM), private)
    for name, content in zip(FILES, contents, strict=True):
        mode = 0o600 if name == KEY else 0o644
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    return folder


def _certificate(
    name: str, key: Key, issuer: x509.Certificate | None, signer: Key, *, days: int, now: datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    root = issuer is None
    usage = x509.KeyUsage(
        digital_signature=not root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=root,
        crl_sign=root,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=root, path_length=0 if root else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not root:
        both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(both, critical=False)
    return builder.sign(signer, hashes.SHA256())
