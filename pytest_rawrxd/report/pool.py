"""The pages of several runs as one, in a folder of their own that names each run by its digests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import CARD, Evidence
from pytest_rawrxd.evidence.canonical import canonical, file_digest
from pytest_rawrxd.report.bundle import write_files
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.render import rendered, view_of

POOL = "pool.json"
SCHEMA = "pytest-rawrxd/pool/1"


def pool_folder(evidence: Evidence) -> Path:
    """Where the pages of these runs are written by default: the same runs in any order give the same name."""
    whole = "".join(sorted(_digest(part) for part in evidence.parts))
    return evidence.campaign.path.resolve().parent / f"pool-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def write_pool(evidence: Evidence, verdicts: dict[str, Any], folder: Path) -> RunView:
    """Write verdicts and pages of all runs into ``folder``, with ``pool.json``, which names them by their digests.

    Raises UsageProblem where the folder is a run directory or holds other files: a run keeps its own verdicts.
    """
    if (folder / CARD).exists() or (folder.is_dir() and any(folder.iterdir()) and not (folder / POOL).is_file()):
        raise UsageProblem(
            "the pages of several runs need a folder of their own", where=f"-o {folder}", possible="a new folder"
        )
    view = view_of(evidence, verdicts)
    runs = {
        part.campaign.id: {
            "identity": part.campaign.identity.digest,
            "card_sha256": file_digest(part.campaign.path / CARD),
            "ledger_sha256": {
                path.name: file_digest(path) for path in sorted((part.campaign.path / "ledger").glob("*.jsonl"))
            },
        }
        for part in evidence.parts
    }
    write_files({**rendered(view), POOL: canonical({"schema": SCHEMA, "runs": runs})}, folder)
    return view


def _digest(part: Evidence) -> str:
    files = [part.campaign.path / CARD, *sorted((part.campaign.path / "ledger").glob("*.jsonl"))]
    return hashlib.sha256("".join(map(file_digest, files)).encode()).hexdigest()
