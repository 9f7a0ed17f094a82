"""Everything a run directory shows, written from its evidence and its verdicts and from nothing else."""

from __future__ import annotations

from typing import Any

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.canonical import file_digest
from pytest_rawrxd.report.bundle import write_bundle
from pytest_rawrxd.report.dossier import EvidenceFile, Promises, RunView
from pytest_rawrxd.verdict.judge import verdict_bytes
from pytest_rawrxd.verdict.soak import soak_run

VERDICTS = "verdicts.json"


def view_of(evidence: Evidence, verdicts: dict[str, Any]) -> RunView:
    """The campaign as its reports see it."""
    run_dir = evidence.campaign.path
    named = [run_dir / "campaign.json", *sorted((run_dir / "ledger").glob("*.jsonl"))]
    return RunView.build(
        verdicts,
        records=evidence.records,
        load_raw=evidence.raw,
        profile=Promises.of(evidence.campaign.profile),
        files=[EvidenceFile(p.relative_to(run_dir).as_posix(), file_digest(p), p.stat().st_size) for p in named],
        soak=soak_run(evidence),
    )


def render(evidence: Evidence, verdicts: dict[str, Any]) -> RunView:
    """Write ``verdicts.json`` and every report into the run directory; the same evidence gives the same bytes."""
    (evidence.campaign.path / VERDICTS).write_bytes(verdict_bytes(verdicts))
    view = view_of(evidence, verdicts)
    write_bundle(view, evidence.campaign.path)
    return view
