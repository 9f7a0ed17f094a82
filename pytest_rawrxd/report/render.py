"""Everything a run directory shows, written from its evidence and its verdicts and from nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.believed import believed
from pytest_rawrxd.evidence.campaign import SIGNATURES, Evidence
from pytest_rawrxd.evidence.canonical import file_digest
from pytest_rawrxd.evidence.cards import Card, cards_of, of_card
from pytest_rawrxd.evidence.pooled import POOL, pool_bytes, runs_of
from pytest_rawrxd.report.bundle import bundle, write_files
from pytest_rawrxd.report.dossier import EvidenceFile, Promises, RunView
from pytest_rawrxd.report.nine.write import JOINED, SITE
from pytest_rawrxd.report.pdf import PRINTED
from pytest_rawrxd.report.publish import ALLURE, VERDICTS
from pytest_rawrxd.report.sums import write_sums
from pytest_rawrxd.verdict.judge import verdict_bytes
from pytest_rawrxd.verdict.soak import soak_run

NAMED = 4


def view_of(evidence: Evidence, verdicts: dict[str, Any]) -> RunView:
    """The campaign as its reports see it. Raises EvidenceProblem where a record is of a shape that cannot be shown."""
    with believed(evidence.campaign.path, "shown"):
        return _view(evidence, verdicts)


def _view(evidence: Evidence, verdicts: dict[str, Any]) -> RunView:
    whole = RunView.build(
        verdicts,
        records=evidence.records,
        load_raw=evidence.raw,
        profile=Promises.of(evidence.campaign.profile),
        files=[file for part in evidence.parts for file in _files(part, alone=len(evidence.parts) == 1)],
        soak=soak_run(evidence),
    )
    alone = [
        replace(whole, records=mine.records, soak=soak_run(mine), card=card)
        for card in _cards(evidence)
        for mine in [of_card(evidence, card.device)]
    ]
    return replace(whole, alone=tuple(alone))


def _cards(evidence: Evidence) -> tuple[Card, ...]:
    """Each card once, where several were tested; none of several hosts, whose pages are about all of them."""
    if len(evidence.parts) > 1:
        return ()
    cards = {card.device: card for card in cards_of(evidence)}
    return tuple(cards.values()) if len(cards) > 1 else ()


def _files(run: Evidence, *, alone: bool) -> list[EvidenceFile]:
    """What a run's verdicts are derived from; beside other runs, below its name."""
    run_dir, below = run.campaign.path, "" if alone else f"{run.campaign.id}/"
    named = [run_dir / "campaign.json", *sorted((run_dir / "ledger").glob("*.jsonl"))]
    return [
        EvidenceFile(f"{below}{p.relative_to(run_dir).as_posix()}", file_digest(p), p.stat().st_size) for p in named
    ]


def render(evidence: Evidence, verdicts: dict[str, Any], folder: Path | None = None) -> RunView:
    """Write ``verdicts.json``, every report and ``SHA256SUMS`` into ``folder``; default: the run directory.

    The same evidence gives the same bytes. What is signed is not written to: EvidenceProblem names each file that would
    read differently now.
    """
    run_dir = folder or evidence.campaign.path
    view = view_of(evidence, verdicts)
    with believed(run_dir, "shown"):
        files = derived(evidence, view)
    changed = [name for name, content in files.items() if not _holds(run_dir / name, content)]
    if any((run_dir / SIGNATURES).glob("*")):
        if not changed:
            return view
        raise EvidenceProblem(
            "this run is signed, and judging it again gives other files",
            where=str(run_dir),
            found=", ".join(changed[:NAMED]) + (f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""),
            possible="rawrxd verify RUN_DIR says why; a copy without signatures/ can be judged and signed anew",
        )
    if changed:
        # A PDF prints an earlier page, Allure and a site show earlier verdicts: they go with the page.
        for stale in (*run_dir.glob(PRINTED), *run_dir.glob(ALLURE)):
            stale.unlink()
        for earlier in (SITE, JOINED):
            if (run_dir / earlier).is_dir():
                shutil.rmtree(run_dir / earlier)
    write_files(files, run_dir)
    write_sums(run_dir)
    return view


def rendered(view: RunView) -> dict[str, bytes]:
    """Every file that a run's evidence and verdicts give, by its name in the run directory."""
    return {VERDICTS: verdict_bytes(dict(view.verdicts)), **bundle(view)}


def derived(evidence: Evidence, view: RunView) -> dict[str, bytes]:
    """As ``rendered``; of several runs also the list that names them."""
    listed = {POOL: pool_bytes(runs_of(evidence))} if len(evidence.parts) > 1 else {}
    return {**rendered(view), **listed}


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content
