"""``rawrxd report RUN_DIR``: the run's pages in another form, one function an option; ``--docs``: nine documents."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_rawrxd.cli.places import add_places
from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import read_card, refuse_signed
from pytest_rawrxd.evidence.pooled import evidence_at, is_pool
from pytest_rawrxd.report.allure.page import allure_page
from pytest_rawrxd.report.github import job_summary, step_outputs, workflow_commands
from pytest_rawrxd.report.nine.place import write_documents
from pytest_rawrxd.report.pdf import print_pages
from pytest_rawrxd.report.render import view_of
from pytest_rawrxd.report.sums import write_sums
from pytest_rawrxd.verdict.judge import judge


@dataclass(frozen=True)
class Form:
    """One form that a run's pages can take. ``make`` writes it into the run directory and returns the paths.

    It also gets where the runs of a pool are.
    """

    flag: str
    help: str
    make: Callable[[Path, Sequence[Path]], list[Path]]

    @property
    def name(self) -> str:
        """The option's name in the parsed arguments."""
        return self.flag.removeprefix("--").replace("-", "_")


def github_files(run_dir: Path, places: Sequence[Path]) -> list[Path]:
    """Write the job summary, the annotations and the step outputs of GitHub Actions."""
    evidence = evidence_at(run_dir, places)
    view = view_of(evidence, judge(evidence))
    written = {
        run_dir / "github-summary.md": job_summary(view),
        run_dir / "github-annotations.txt": workflow_commands(view),
        run_dir / "github-output.txt": step_outputs(view),
    }
    for path, text in written.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    return list(written)


FORMS = (
    Form("--pdf", "each sign-off page as a PDF of reproducible bytes (extra pdf)", lambda run, _: print_pages(run)),
    Form("--github", "the job summary, annotations and step outputs of GitHub Actions", github_files),
    Form("--allure", "the run as one Allure 3 page (Node.js and the packages of ci/allure)", allure_page),
)


def add(verbs: Any) -> None:
    verb = verbs.add_parser("report", help="the pages of a run in another form")
    about = "what acceptance sessions left, below reports/; several, of one identity: --docs alone"
    verb.add_argument("run_dirs", metavar="RUN_DIR", type=Path, nargs="+", help=about)
    for form in FORMS:
        verb.add_argument(form.flag, action="store_true", help=form.help)
    verb.add_argument("--docs", action="store_true", help="the nine documents of phase 3, of measured numbers alone")
    verb.add_argument("--site", action="store_true", help="with the documents as a static site (extra site)")
    verb.add_argument("-o", "--output", metavar="DIR", type=Path, help="of --docs; default: docs/ in RUN_DIR")
    add_places(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    chosen = [form for form in FORMS if getattr(arguments, form.name)]
    run_dirs: list[Path] = arguments.run_dirs
    documents = arguments.docs or arguments.site
    if not chosen and not documents:
        possible = ", ".join(["--docs", "--site", *(form.flag for form in FORMS)])
        raise UsageProblem("which form?", found="no option", possible=possible)
    if chosen and len(run_dirs) > 1:
        raise UsageProblem("this form is of one run", found=f"{len(run_dirs)} runs", possible="--docs, or one RUN_DIR")
    if arguments.output is not None and not documents:
        raise UsageProblem("only the documents can be written elsewhere", where="-o", possible="--docs -o DIR")
    for run_dir in run_dirs:
        if not is_pool(run_dir):
            read_card(run_dir)
        elif len(run_dirs) > 1:
            raise UsageProblem(
                "a pool stands for several runs already",
                where=str(run_dir),
                possible="the pool alone, or rawrxd judge with all of the runs",
            )
    if chosen:
        _make(chosen, run_dirs[0], arguments.runs)
    if documents:
        for path in write_documents(run_dirs, arguments.output, arguments.runs, as_site=arguments.site):
            print(path)
    return 0


def _make(chosen: list[Form], run_dir: Path, places: Sequence[Path]) -> None:
    refuse_signed(run_dir)
    made: list[Path] = []
    try:
        for form in chosen:
            made += form.make(run_dir, places)
    finally:
        if made:  # What was added belongs to the run from now on, whether or not another form could be made.
            write_sums(run_dir)
        for path in made:
            print(path)
