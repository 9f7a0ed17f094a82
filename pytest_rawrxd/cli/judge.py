"""``rawrxd judge RUN_DIR...``: verdicts and every report again from the evidence alone, of several runs as one."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from datetime import date
from pathlib import Path
from typing import Any

from pytest_rawrxd.cli.bounded import add_limits, bounded, limits
from pytest_rawrxd.cli.publish import DESTINATION
from pytest_rawrxd.cli.shown import as_written
from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.joined import pool
from pytest_rawrxd.evidence.pooled import is_pool, read_pool
from pytest_rawrxd.evidence.publication import record_publication, sha256
from pytest_rawrxd.evidence.raw import checked
from pytest_rawrxd.evidence.waivers import record_waivers
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.profile.waivers import read_waivers
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.pool import pool_folder, write_pool
from pytest_rawrxd.report.published import published
from pytest_rawrxd.report.render import render
from pytest_rawrxd.report.terminal import table, wants_colour
from pytest_rawrxd.verdict.answers.data_under_version_control import data_under_version_control
from pytest_rawrxd.verdict.judge import judge
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.state import accepted
from pytest_rawrxd.verdict.waivers import Waivers, waivers_of


def add(verbs: Any) -> None:
    verb = verbs.add_parser("judge", help="rebuild the verdicts and every report of a run directory")
    verb.add_argument(
        "run_dirs",
        metavar="RUN_DIR",
        type=Path,
        nargs="+",
        help="what an acceptance session left, below reports/; several, of hosts of one kind, give one verdict",
    )
    verb.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        help="of several runs: where the pages go; default: beside the first",
    )
    verb.add_argument(
        "--published",
        metavar="DIR",
        type=Path,
        help="the published copy, to record that it is committed; default: reports/signed/NAME_OF_THE_RUN",
    )
    verb.add_argument(
        "--waivers", metavar="FILE", type=Path, help="waivers in TOML; kept in the run, and used until others are given"
    )
    verb.add_argument(
        "--today",
        metavar="YYYY-MM-DD",
        type=date.fromisoformat,
        help="the day that waivers are judged on, recorded in the run; default: the day they are given, in UTC",
    )
    add_limits(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    run_dirs: list[Path] = arguments.run_dirs
    with bounded(limits(arguments), where=", ".join(map(str, run_dirs))):
        return _judge(arguments, run_dirs)


def _judge(arguments: argparse.Namespace, run_dirs: list[Path]) -> int:
    if pools := [run_dir for run_dir in run_dirs if is_pool(run_dir)]:
        names = " ".join(run.name for run in read_pool(pools[0]))
        raise UsageProblem(
            "a pool is judged from its runs", where=str(pools[0]), possible=f"rawrxd judge {names} -o {pools[0]}"
        )
    if len(run_dirs) == 1:
        if arguments.output is not None:
            raise UsageProblem("the pages of one run stay in it", where="-o", possible="several runs, or no -o")
        return judge_run(run_dirs[0], arguments.waivers, arguments.today, arguments.published)
    if given := [flag for flag in ("published", "waivers", "today") if getattr(arguments, flag) is not None]:
        raise UsageProblem(
            "this belongs to one run",
            where=f"--{given[0]}",
            possible="rawrxd judge RUN_DIR for each, then all together",
        )
    evidence = pool([Evidence.read(run_dir) for run_dir in run_dirs])
    folder = arguments.output or pool_folder(evidence)
    verdicts = judge(evidence)
    code = _told(evidence, verdicts, write_pool(evidence, verdicts, folder))
    print(f"pages of {len(run_dirs)} runs as one: {folder}")
    return code


def judge_run(
    run_dir: Path, waivers: Path | None = None, today: date | None = None, published_at: Path | None = None
) -> int:
    """Judge a run directory, write its files, print its verdicts, and return the exit code."""
    evidence = _with_waivers(Evidence.read(run_dir), waivers, today)
    evidence = _with_publication(evidence, published_at)
    verdicts = judge(evidence)
    return _told(evidence, verdicts, render(evidence, verdicts))


def _told(evidence: Evidence, verdicts: dict[str, Any], view: RunView) -> int:
    colour = wants_colour(os.environ, is_terminal=sys.stdout.isatty())
    width = shutil.get_terminal_size().columns
    measured = {entry["phase"] for entry in verdicts["criteria"] if entry["evidence"]}
    print(
        table(view, width=width, colour=colour, encoding=sys.stdout.encoding, phases=measured or None),
        end="",
        file=as_written(),
    )
    rehearsal = any(state["rehearsal"] for state in verdicts["state"].values())
    kept = accepted(verdicts["criteria"], measured, rehearsal=rehearsal, validity=verdicts["validity"])
    overdue = _overdue(waivers_of(evidence))
    if overdue:
        print(overdue, file=sys.stderr)
    return 0 if measured and kept and not overdue else 1


def _with_waivers(evidence: Evidence, given: Path | None, day: date | None) -> Evidence:
    """The evidence, with the waivers that are given or another day for those it has; nothing new records nothing."""
    run_dir, known = evidence.campaign.path, waivers_of(evidence)
    if given is None and (day is None or known.day is None):
        if day is not None:
            raise UsageProblem(
                "--today dates waivers, and this run has none", where=str(run_dir), possible="--waivers FILE"
            )
        return evidence
    if given is None:
        content = checked(run_dir, dict(known.ref)).read_bytes()
    else:
        try:
            content = given.read_bytes()
        except OSError as trouble:
            raise UsageProblem(
                "the waivers cannot be read", where=str(given), found=trouble.strerror, possible="a TOML file"
            ) from trouble
        read_waivers(content, str(given), evidence.campaign.profile.criteria)
    day = day or SYSTEM.wall().date()
    if (sha256(content), day) == (known.ref.get("sha256"), known.day):
        return evidence
    record_waivers(run_dir, content, day, SYSTEM)
    return Evidence.read(run_dir)


def _overdue(waivers: Waivers) -> str | None:
    """Verdicts keep the day they were judged on; that a waiver has run out since then must not stay unsaid."""
    today = SYSTEM.wall().date()
    late = [f"{each.criterion} ({each.expiry})" for each in waivers.expired(today)]
    if waivers.day is None or not late or today <= waivers.day:
        return None
    return f"waivers have expired since {waivers.day}, the day they are judged on: {', '.join(late)}; --today {today}"


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
