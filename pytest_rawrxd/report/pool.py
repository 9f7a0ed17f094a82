"""The pages of several runs as one, in a folder of their own that names each run by its digests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import CARD, Evidence
from pytest_rawrxd.evidence.pooled import POOL, runs_of
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.render import render


def pool_folder(evidence: Evidence) -> Path:
    """Where the pages of these runs are written by default: the same runs in any order give the same name."""
    whole = "".join(sorted(run.digest for run in runs_of(evidence)))
    return evidence.campaign.path.resolve().parent / f"pool-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def write_pool(evidence: Evidence, verdicts: dict[str, Any], folder: Path) -> RunView:
    """Write verdicts and pages of all runs into ``folder``, with ``pool.json``, which names them by their digests.

    Raises UsageProblem where the folder is a run directory or holds other files: a run keeps its own verdicts.
    EvidenceProblem where it is signed and would read differently now.
    """
    if (folder / CARD).exists() or (folder.is_dir() and any(folder.iterdir()) and not (folder / POOL).is_file()):
        raise UsageProblem(
            "the pages of several runs need a folder of their own", where=f"-o {folder}", possible="a new folder"
        )
    return render(evidence, verdicts, folder)
