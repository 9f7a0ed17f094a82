"""Publishing: the committed part of a run directory, copied once, with the digests of everything it rests on."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_rawrxd.errors import CampaignProblem, EvidenceProblem
from pytest_rawrxd.evidence.campaign import SIGNATURES
from pytest_rawrxd.evidence.canonical import file_digest
from pytest_rawrxd.evidence.isolated import refuse_hostile
from pytest_rawrxd.evidence.pooled import LISTING, POOL, is_pool, unchanged
from pytest_rawrxd.report.dossier import EvidenceFile
from pytest_rawrxd.report.exhibits import listing

VERDICTS = "verdicts.json"
SUMS = "SHA256SUMS"
ALLURE = "allure.html"  #: six megabytes that ``rawrxd report --allure`` gives again; not committed
#: What is committed; ledger and raw arrays stay in the run directory and are listed in LISTING by digest.
OUTPUTS = ("*.csv", "charts/*.svg", "charts/*.png", "gpu*/*.csv", "gpu*/charts/*.svg", "gpu*/charts/*.png")
PAGES = ("*.html", "gpu*/*.html", "*.pdf", "docs/*")
COMMITTED = (VERDICTS, "campaign.json", POOL, *PAGES, f"{SIGNATURES}/*.json", *OUTPUTS)
RAW = ("campaign.json", "ledger/*", "raw/**/*")


def publish(run_dir: Path, dest: Path, places: Sequence[Path] = ()) -> Path:
    """Copy the committed part of ``run_dir`` to ``dest``/<name of the run> and return that folder.

    ``SHA256SUMS`` there covers every file of the copy, ``evidence.sha256`` the ledger and raw arrays that stay
    behind; of a pool, those of all its runs, which are looked for at ``places``. Publishing the same run again changes
    nothing; one that has only gained evidence since takes its place.

    CampaignProblem when the folder holds another run or other content, EvidenceProblem when ``run_dir`` has no
    verdicts, or a run of the pool is missing or was changed.
    """
    if not (run_dir / VERDICTS).is_file():
        raise EvidenceProblem(
            "this run has no verdicts to publish",
            where=str(run_dir),
            found=f"no {VERDICTS}",
            possible="rawrxd judge RUN_DIR, then publish",
        )
    refuse_hostile(run_dir)  # a link would publish what it names
    target = dest / run_dir.resolve().name
    dest.mkdir(parents=True, exist_ok=True)
    # Built beside its place and moved in one step: a killed publish leaves no half a publication.
    with TemporaryDirectory(dir=dest, prefix=".publishing-") as temporary:
        built = Path(temporary) / target.name
        _copy(run_dir, built, _evidence(run_dir, places))
        if target.exists():
            _refuse_other(built, target)
            target.replace(Path(temporary) / "earlier")
        built.replace(target)
    return target


def digests(root: Path, patterns: Iterable[str]) -> tuple[EvidenceFile, ...]:
    """Return name, SHA-256 and size of the files below ``root`` that match, sorted by name."""
    return tuple(_file(root, path) for path in _matching(root, patterns))


def _evidence(run_dir: Path, places: Sequence[Path]) -> list[EvidenceFile]:
    if not is_pool(run_dir):
        return list(digests(run_dir, RAW))
    return [
        replace(file, name=f"{run.name}/{file.name}")
        for run, folder in unchanged(run_dir, places)
        for file in digests(folder, RAW)
    ]


def _copy(run_dir: Path, built: Path, evidence: list[EvidenceFile]) -> None:
    for path in _matching(run_dir, COMMITTED):
        if path.name == ALLURE:
            continue
        copy = built / path.relative_to(run_dir)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    _write(built / LISTING, listing(evidence))
    _write(built / SUMS, listing(digests(built, ["**/*"])))


def _refuse_other(built: Path, target: Path) -> None:
    """Only an earlier publication of the same run may go: its every piece of evidence is still there, unchanged."""
    earlier, sums = target / LISTING, target / SUMS
    listed = {line.partition("  ")[2] for line in _lines(sums)} if sums.is_file() else set()
    strangers = {file.name for file in digests(target, ["**/*"])} - listed - {SUMS}
    if not earlier.is_file():
        found = f"no {LISTING}"
    elif strangers:
        found = f"files that were not published: {', '.join(sorted(strangers)[:3])}"
    elif not set(_lines(earlier)) <= set(_lines(built / LISTING)):
        found = "evidence that this run does not have"
    else:
        return
    raise CampaignProblem(
        "another publication stands here and is not overwritten",
        where=str(target),
        found=found,
        possible="a run directory of another name, or another destination",
    )


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _matching(root: Path, patterns: Iterable[str]) -> Iterator[Path]:
    found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    return iter(sorted(found, key=lambda path: path.relative_to(root).as_posix()))


def _file(root: Path, path: Path) -> EvidenceFile:
    return EvidenceFile(path.relative_to(root).as_posix(), file_digest(path), path.stat().st_size)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
