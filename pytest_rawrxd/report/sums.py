"""``SHA256SUMS`` of a run directory: one line for each file that a signature covers, as sha256sum writes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import LOCK, SIGNATURES
from pytest_rawrxd.report.exhibits import listing
from pytest_rawrxd.report.publish import SUMS, digests


@dataclass(frozen=True)
class Difference:
    """A file that is not as ``SHA256SUMS`` lists it, and what was found instead."""

    file: str
    found: str


def sums(run_dir: Path) -> bytes:
    """Return ``SHA256SUMS`` over every file of ``run_dir`` but itself, the session lock and the signatures."""
    covered = [file for file in digests(run_dir, ["**/*"]) if not _outside(file.name)]
    return listing(covered).encode()


def write_sums(run_dir: Path) -> None:
    """Write ``SHA256SUMS`` as the directory is now."""
    (run_dir / SUMS).write_bytes(sums(run_dir))


def differences(run_dir: Path) -> Iterator[Difference]:
    """Yield each file that was changed, removed or added since ``SHA256SUMS`` was written, by name.

    EvidenceProblem when there is no such list or it is not written as ``sha256sum`` writes one.
    """
    path = run_dir / SUMS
    if not path.is_file():
        raise EvidenceProblem(
            f"the run has no {SUMS}", where=str(run_dir), possible="rawrxd judge RUN_DIR writes it; sign after that"
        )
    listed, there = _read(path), _parse(sums(run_dir))
    for name in sorted(listed.keys() | there.keys()):
        if name not in there:
            yield Difference(name, "it is missing")
        elif name not in listed:
            yield Difference(name, f"{SUMS} does not list it")
        elif listed[name] != there[name]:
            yield Difference(name, f"{SUMS} says {listed[name][:16]}…, the file has {there[name][:16]}…")


def _read(path: Path) -> dict[str, str]:
    content = path.read_bytes()
    try:
        listed = _parse(content)
    except (ValueError, UnicodeDecodeError):
        listed = {}
    written = "".join(f"{digest}  {name}\n" for name, digest in sorted(listed.items()))
    if not listed or written.encode() != content:
        raise EvidenceProblem(
            "the list of digests is not as it was written",
            where=path.name,
            possible="lines of 64 hex digits, two blanks and a name, sorted by name",
        )
    return listed


def _parse(content: bytes) -> dict[str, str]:
    lines = (line.split("  ", 1) for line in content.decode().splitlines())
    return {name: digest for digest, name in lines}


def _outside(name: str) -> bool:
    return name in {SUMS, LOCK} or name.startswith(f"{SIGNATURES}/")
