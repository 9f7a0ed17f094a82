"""``rawrxd judge RUN_DIR``: rebuild the verdicts and every report from the evidence alone."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from pytest_rawrxd.cli.publish import DESTINATION
from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.publication import record_publication
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.report.published import published
from pytest_rawrxd.report.render import render
from pytest_rawrxd.report.terminal import table, wants_colour
from pytest_rawrxd.verdict.answers.data_under_version_control import data_under_version_control
from pytest_rawrxd.verdict.judge import judge
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.state import accepted


def add(verbs: Any) -> None:
    verb = verbs.add_parser("judge", help="rebuild the verdicts and every report of a run directory")
    verb.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="what an acceptance session left, below reports/")
    verb.add_argument(
        "--published",
        metavar="DIR",
        type=Path,
        help="the published copy, to record that it is committed; default: reports/signed/NAME_OF_THE_RUN",
    )
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    evidence = _with_publication(Evidence.read(arguments.run_dir), arguments.published)
    verdicts = judge(evidence)
    view = render(evidence, verdicts)
    colour = wants_colour(os.environ, is_terminal=sys.stdout.isatty())
    width = shutil.get_terminal_size().columns
    print(table(view, width=width, colour=colour, encoding=sys.stdout.encoding), end="")
    measured = {entry["phase"] for entry in verdicts["criteria"] if entry["evidence"]}
    rehearsal = any(state["rehearsal"] for state in verdicts["state"].values())
    kept = accepted(verdicts["criteria"], measured, rehearsal=rehearsal, validity=verdicts["validity"])
    return 0 if measured and kept else 1


def _with_publication(evidence: Evidence, named: Path | None) -> Evidence:
    """The evidence, with the commit of the published copy where there is one that is not recorded yet."""
    run_dir = evidence.campaign.path
    copy = named or DESTINATION / run_dir.resolve().name
    promises = [c for c in evidence.campaign.profile.criteria.values() if c.metric == "data_under_version_control"]
    open_ = [c for c in promises if data_under_version_control(evidence, c)[0].verdict is not Verdict.PASS]
    if not open_ or all(c.not_applicable for c in open_) or (named is None and not copy.is_dir()):
        return evidence
    try:
        record_publication(run_dir, published(run_dir, copy), SYSTEM)
    except UsageProblem as problem:
        if named is not None:
            raise
        print(problem, file=sys.stderr)
        return evidence
    return Evidence.read(run_dir)
