"""``rawrxd choose RUN_DIR``: the one variant for a workload, from what was measured."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, get_args

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.believed import believed
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile.operation import Preference
from pytest_rawrxd.profile.suggest import nearest
from pytest_rawrxd.report.nine.book import Book
from pytest_rawrxd.report.nine.said import choice_text
from pytest_rawrxd.report.nine.tree import Workload, choose
from pytest_rawrxd.report.render import view_of
from pytest_rawrxd.verdict.judge import judge

CHOSEN, NONE_QUALIFIES = 0, 1


def add(verbs: Any) -> None:
    verb = verbs.add_parser(
        "choose",
        help="the one variant for a workload, from what was measured",
        description="Answers with one variant and the reason, or says that none qualifies (exit code 1). A bound that "
        "was not measured is not held.",
    )
    verb.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="what an acceptance session left, below reports/")
    verb.add_argument("--latency-ms", metavar="MS", type=_positive, help="longest mean time per token of one stream")
    verb.add_argument("--min-quality", metavar="SHARE", type=_share, help="least share of top tokens kept, 0 to 1")
    verb.add_argument("--vram-gb", metavar="GB", type=_positive, help="most memory of the variant, GB = 1e9 B")
    verb.add_argument("--prefer", choices=get_args(Preference), help="between variants that qualify; default: quality")
    verb.add_argument("--use", metavar="NAME", help="a use of the profile, instead of bounds")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    evidence = Evidence.read(arguments.run_dir)
    view = view_of(evidence, judge(evidence))
    asked = _asked(arguments, evidence)
    with believed(arguments.run_dir, "chosen from"):
        book = Book(view)
        found = choose(book.candidates, asked)
        text = choice_text(book, asked, found)
    print(text)
    return CHOSEN if found.variant else NONE_QUALIFIES


def _asked(arguments: argparse.Namespace, evidence: Evidence) -> Workload:
    bounds = (arguments.latency_ms, arguments.min_quality, arguments.vram_gb, arguments.prefer)
    if arguments.use is None:
        return Workload(*bounds[:3], prefer=arguments.prefer or "quality")
    uses = evidence.campaign.profile.uses
    if arguments.use not in uses:
        raise UsageProblem(
            "the profile has no such use",
            where="--use",
            found=arguments.use,
            possible=nearest(arguments.use, list(uses)) if uses else "bounds: --latency-ms, --min-quality, --vram-gb",
        )
    if any(bound is not None for bound in bounds):
        raise UsageProblem("a use of the profile has its own bounds", where="--use", possible="either bounds or a use")
    return Workload.of(uses[arguments.use])


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no positive number")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share from 0 to 1")
    return value
