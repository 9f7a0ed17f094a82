"""``rawrxd publish RUN_DIR``: copy the part of a run that belongs under version control."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pytest_rawrxd.cli.places import add_places
from pytest_rawrxd.report.publish import publish

DESTINATION = Path("reports") / "signed"


def add(verbs: Any) -> None:
    verb = verbs.add_parser("publish", help="copy verdicts, tables, charts, pages and digests to reports/signed/")
    verb.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="what an acceptance session left, below reports/")
    verb.add_argument("--to", metavar="DIR", type=Path, default=DESTINATION, help="default: reports/signed")
    add_places(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    print(publish(arguments.run_dir, arguments.to, arguments.runs))
    return 0
