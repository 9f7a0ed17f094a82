"""``rawrxd judge RUN_DIR``: rebuild the verdicts and every report from the evidence alone."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.report.render import render
from pytest_rawrxd.report.terminal import table, wants_colour
from pytest_rawrxd.verdict.judge import judge
from pytest_rawrxd.verdict.state import accepted


def add(verbs: Any) -> None:
    verb = verbs.add_parser("judge", help="rebuild the verdicts and every report of a run directory")
    verb.add_argument("run_dir", metavar="RUN_DIR", type=Path)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    evidence = Evidence.read(arguments.run_dir)
    verdicts = judge(evidence)
    view = render(evidence, verdicts)
    colour = wants_colour(os.environ, is_terminal=sys.stdout.isatty())
    width = shutil.get_terminal_size().columns
    print(table(view, width=width, colour=colour, encoding=sys.stdout.encoding), end="")
    measured = {entry["phase"] for entry in verdicts["criteria"] if entry["evidence"]}
    rehearsal = any(state["rehearsal"] for state in verdicts["state"].values())
    kept = accepted(verdicts["criteria"], measured, rehearsal=rehearsal, validity=verdicts["validity"])
    return 0 if measured and kept else 1
