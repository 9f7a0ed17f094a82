"""Compares a run with its published copy as a commit holds it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pytest_rawrxd.evidence.pooled import LISTING
from pytest_rawrxd.evidence.publication import Publication, sha256
from pytest_rawrxd.report.publish import OUTPUTS, digests
from pytest_rawrxd.rig.git import Run, committed


def published(run_dir: Path, copy: Path, *, run: Run = subprocess.run) -> Publication:
    """What the commit that holds ``copy`` says about ``run_dir``. Raises UsageProblem where git has no such commit."""
    found = committed(copy, run=run)
    # Of lines that are none, the names match no file of the run: it is not committed then.
    listed = found.files.get(LISTING, b"").decode("utf-8", "replace")
    lines = [line.partition("  ") for line in listed.splitlines()]
    return Publication(
        commit=found.commit,
        remote_branches=found.remote_branches,
        evidence={name: digest for digest, _, name in lines},
        outputs={
            file.name: {
                "run": file.sha256,
                "committed": sha256(found.files[file.name]) if file.name in found.files else None,
            }
            for file in digests(run_dir, OUTPUTS)
        },
    )
