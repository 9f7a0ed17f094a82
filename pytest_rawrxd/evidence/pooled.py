"""Folders of verdicts whose evidence lies elsewhere: the pool of several runs, the publication of one.

Neither ``pool.json`` nor ``evidence.sha256`` names a place: a run is found again by its digests, wherever it was moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import CARD, Evidence
from pytest_rawrxd.evidence.canonical import canonical, file_digest, strict_loads
from pytest_rawrxd.evidence.joined import pool

POOL = "pool.json"
LISTING = "evidence.sha256"  #: of a publication: the evidence that stayed behind, as sha256sum writes it
SCHEMA = "pytest-rawrxd/pool/1"
MAX_POOL = 16 << 20


@dataclass(frozen=True)
class PooledRun:
    """One run of a pool: its name there, its identity, and the SHA-256 of its card and of each ledger by file name.

    The ledgers name every raw file by its own digest.
    """

    name: str
    identity: str
    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """One SHA-256 of all of it: that of the lines which sha256sum writes of its card and ledgers, by name."""
        return hashlib.sha256(
            "".join(f"{self.files[name]}  {name}\n" for name in sorted(self.files)).encode()
        ).hexdigest()


def runs_of(evidence: Evidence) -> tuple[PooledRun, ...]:
    """The runs that ``evidence`` is made of, as they lie on the disk now."""
    return tuple(
        PooledRun(part.campaign.id, part.campaign.identity.digest, _files(part.campaign.path))
        for part in evidence.parts
    )


def pool_bytes(runs: Sequence[PooledRun]) -> bytes:
    """``pool.json`` of ``runs``, which keep their order: it gives them their names."""
    return canonical({"schema": SCHEMA, "runs": [vars(run) for run in runs]})


def is_pool(folder: Path) -> bool:
    """Whether ``folder`` holds the verdicts of several runs, and is no run itself."""
    return (folder / POOL).is_file() and not (folder / CARD).exists()


def read_pool(folder: Path) -> tuple[PooledRun, ...]:
    """The runs that ``folder`` names. Raises EvidenceProblem where its ``pool.json`` is not as it was written."""
    path = folder / POOL
    if path.stat().st_size > MAX_POOL:
        raise EvidenceProblem("the list of pooled runs is too large", where=POOL, possible=f"at most {MAX_POOL} bytes")
    content = path.read_bytes()
    try:
        runs = tuple(
            PooledRun(str(each["name"]), str(each["identity"]), dict(each["files"]))
            for each in strict_loads(content)["runs"]
        )
        whole = pool_bytes(runs) == content
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceProblem("the list of pooled runs cannot be read", where=POOL, found=repr(error)) from error
    if not whole or len(runs) < 2:
        raise EvidenceProblem("the list of pooled runs is not as it was written", where=POOL)
    return runs


def located(folder: Path, places: Sequence[Path] = ()) -> list[tuple[PooledRun, Path]]:
    """Each run of the pool in ``folder`` with its directory.

    A place is a run directory or a folder of them; without any, the folder that the pool lies in. The directory whose
    card and ledgers all have the recorded digests is the run; else one that has its card or its name: it was changed.

    Raises EvidenceProblem where a run is nowhere.
    """
    searched = list(places) or [folder.resolve().parent]
    candidates = [(path, path.resolve().name, _files(path)) for place in searched for path in _runs_at(place)]
    found = []
    for run in read_pool(folder):
        standing = [
            (run.files == files, run.files.get(CARD) == files[CARD], run.name == name) for _, name, files in candidates
        ]
        best = max(range(len(candidates)), key=standing.__getitem__, default=None)
        if best is None or not any(standing[best]):
            where = ", ".join(map(str, searched))
            raise EvidenceProblem(
                "a run of this pool is not where its runs were looked for",
                where=POOL,
                found=f"no {run.name}, {run.digest[:16]}…, in {where}; --runs DIR names another place",
            )
        found.append((run, candidates[best][0]))
    return found


def changed(run: PooledRun, run_dir: Path) -> Iterator[tuple[str, str]]:
    """Yield each card or ledger that is another one than when the run was pooled, and what was found."""
    there = _files(run_dir)
    for name in sorted(run.files.keys() | there.keys()):
        if name not in there:
            yield name, "it is missing"
        elif name not in run.files:
            yield name, f"{POOL} does not list it"
        elif run.files[name] != there[name]:
            yield name, f"{POOL} says {run.files[name][:16]}…, the file has {there[name][:16]}…"


def unchanged(folder: Path, places: Sequence[Path] = ()) -> list[tuple[PooledRun, Path]]:
    """As ``located``. Raises EvidenceProblem also where a run was changed since it was pooled."""
    runs = located(folder, places)
    for run, run_dir in runs:
        for name, found in changed(run, run_dir):
            raise EvidenceProblem("a run was changed after it was pooled", where=str(run_dir / name), found=found)
    return runs


def is_published(folder: Path) -> bool:
    """Whether ``folder`` is the committed part of one run, whose ledger and raw arrays are elsewhere."""
    return (folder / CARD).is_file() and (folder / LISTING).is_file() and not (folder / "ledger").exists()


def published_from(folder: Path, places: Sequence[Path] = ()) -> Path:
    """The run directory that ``folder`` was published from, found by the digests of its card and ledgers.

    It is looked for at ``places``, run directories or folders of them; without any, above the folder of publications.
    Raises EvidenceProblem where it is nowhere, or has gained, lost or changed a file since.
    """
    lines = (folder / LISTING).read_text(encoding="utf-8", errors="replace").splitlines()
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    held = {name: digest for name, digest in listed.items() if name == CARD or name.startswith("ledger/")}
    searched = list(places) or [folder.resolve().parent.parent]
    for run_dir in (path for place in searched for path in _runs_at(place)):
        if _files(run_dir) == held:
            raw = {path.relative_to(run_dir).as_posix(): path for path in run_dir.glob("raw/**/*") if path.is_file()}
            for name in sorted(listed.keys() - held.keys() | raw.keys()):
                if name not in raw or file_digest(raw[name]) != listed.get(name):
                    raise EvidenceProblem("the run was changed after it was published", where=LISTING, found=name)
            return run_dir
    raise EvidenceProblem(
        "the evidence of this publication is not where it was looked for",
        where=LISTING,
        found=f"no run with these ledgers in {', '.join(map(str, searched))}; --runs DIR names another place",
    )


def evidence_at(folder: Path, places: Sequence[Path] = ()) -> Evidence:
    """The evidence behind ``folder``: a run, or a pool or a publication, whose runs are looked for at ``places``.

    Raises EvidenceProblem where it is none of them, and where a run is missing or was changed since.
    """
    if is_published(folder):
        return Evidence.read(published_from(folder, places))
    if not is_pool(folder):
        return Evidence.read(folder)
    return pool([Evidence.read(run_dir) for _, run_dir in unchanged(folder, places)])


def _files(run_dir: Path) -> dict[str, str]:
    ledgers = sorted((run_dir / "ledger").glob("*.jsonl"))
    return {path.relative_to(run_dir).as_posix(): file_digest(path) for path in (run_dir / CARD, *ledgers)}


def _runs_at(place: Path) -> list[Path]:
    if (place / CARD).is_file():
        return [place]
    return sorted(path.parent for path in place.glob(f"*/{CARD}")) if place.is_dir() else []
