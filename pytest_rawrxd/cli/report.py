"""``rawrxd report RUN_DIR``: the run's pages in another form; one function an option."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import read_card, refuse_signed
from pytest_rawrxd.report.pdf import print_pages
from pytest_rawrxd.report.sums import write_sums


@dataclass(frozen=True)
class Form:
    """One form that a run's pages can take. ``make`` writes it into the run directory and returns the paths."""

    flag: str
    help: str
    make: Callable[[Path], list[Path]]

    @property
    def name(self) -> str:
        """The option's name in the parsed arguments."""
        return self.flag.removeprefix("--").replace("-", "_")


FORMS = (Form("--pdf", "each sign-off page as a PDF of reproducible bytes (extra pdf)", print_pages),)


def add(verbs: Any) -> None:
    verb = verbs.add_parser("report", help="the pages of a run in another form")
    verb.add_argument("run_dir", metavar="RUN_DIR", type=Path)
    for form in FORMS:
        verb.add_argument(form.flag, action="store_true", help=form.help)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    chosen = [form for form in FORMS if getattr(arguments, form.name)]
    if not chosen:
        raise UsageProblem("which form?", found="no option", possible=", ".join(form.flag for form in FORMS))
    read_card(arguments.run_dir)
    refuse_signed(arguments.run_dir)
    for form in chosen:
        for path in form.make(arguments.run_dir):
            print(path)
    # What was added belongs to the run from now on.
    write_sums(arguments.run_dir)
    return 0
