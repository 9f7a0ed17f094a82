"""``rawrxd compare A B``: two run directories, or another tool's result file, side by side."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.foreign import read_foreign
from pytest_rawrxd.report.comparison import comparison_text
from pytest_rawrxd.verdict.comparison import compare_sides, to_dict
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.sides import Side, campaign_side, foreign_side, model_files


def add(verbs: Any) -> None:
    verb = verbs.add_parser("compare", help="show a run beside an earlier one, or beside another tool's result file")
    for name, metavar in (("baseline", "A"), ("candidate", "B")):
        verb.add_argument(name, metavar=metavar, type=Path, help=f"the {name}: a run directory or a result file")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    paths = (arguments.baseline, arguments.candidate)
    for path in paths:
        if not path.exists():
            raise UsageProblem(
                "there is nothing to compare", where=str(path), possible="a run directory or a result file"
            )
    if paths[0].resolve() == paths[1].resolve():
        raise UsageProblem("a run is not compared with itself", found=str(paths[0]), possible="two runs, or two files")
    runs = [Evidence.read(path) if path.is_dir() else None for path in paths]
    files = {name: variant for evidence in runs if evidence for name, variant in model_files(evidence).items()}
    baseline, candidate = (
        campaign_side(evidence) if evidence else foreign_side(read_foreign(path), files)
        for path, evidence in zip(paths, runs, strict=True)
    )
    profile = next((evidence.campaign.profile for evidence in reversed(runs) if evidence), None)
    baseline, candidate = map(_named, (baseline, candidate), paths, runs)
    found = to_dict(compare_sides(baseline, candidate, profile))
    print(comparison_text(found))
    return 1 if any(row["verdict"] == Verdict.FAIL for row in found["rows"]) else 0


def _named(side: Side, path: Path, evidence: Evidence | None) -> Side:
    """Two run directories may carry one name: the path tells them apart. What else the name says stays."""
    rest = side.name.removeprefix(evidence.campaign.id) if evidence else ""
    return replace(side, name=path.as_posix() + rest)
