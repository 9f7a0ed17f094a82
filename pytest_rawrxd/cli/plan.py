"""``rawrxd plan PROFILE``: what a profile asks for; ``rawrxd plan --new NAME --from RUN_DIR``: one for another card."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.lint import lint, render
from pytest_rawrxd.report.new_profile import profile_toml
from pytest_rawrxd.report.plan import plan_text
from pytest_rawrxd.verdict.pilot import pilot
from pytest_rawrxd.verdict.planning import plan

BASE = "rx7800xt"
FOLDER = Path("fixtures") / "profiles"  #: where a profile name is looked up first
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def add(verbs: Any) -> None:
    verb = verbs.add_parser("plan", help="how long a profile takes, what it can prove, and what cannot be kept")
    verb.add_argument("profile", metavar="PROFILE", nargs="?", help="a profile's name or a TOML file")
    verb.add_argument("--lint", action="store_true", help="only the feasibility lint")
    verb.add_argument("--new", metavar="NAME", help="write a profile of that name, with the bounds of a pilot")
    verb.add_argument(
        "--from",
        metavar="RUN_DIR",
        dest="pilots",
        type=Path,
        action="append",
        help="a pilot run that --new reads; given twice, the runs add up: phase 1 in one, load in the other",
    )
    verb.add_argument("--extends", metavar="BASE", help=f"the profile that the new one builds on; default: {BASE}")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if any(given is not None for given in (arguments.new, arguments.pilots, arguments.extends)):
        return _new(arguments)
    if arguments.profile is None:
        raise UsageProblem(
            "plan needs a profile", found="nothing", possible="plan PROFILE, or plan --new NAME --from RUN_DIR"
        )
    profile = load_profile(arguments.profile)
    found = render(lint(profile))
    if arguments.lint:
        print(found)
    else:
        print(plan_text(plan(profile), profile), "", found or "The lint finds nothing to say.", sep="\n")
    return 0


def _new(arguments: argparse.Namespace) -> int:
    if arguments.profile is not None or arguments.lint or None in (arguments.new, arguments.pilots):
        raise UsageProblem(
            "--new and --from belong together and take no profile", possible="plan --new NAME --from RUN_DIR"
        )
    if not NAME.fullmatch(arguments.new):
        raise UsageProblem(
            "a profile needs a plain name",
            where="--new",
            found=arguments.new,
            possible="a-z, 0-9, - and _, as in rtx4090",
        )
    path = FOLDER / f"{arguments.new}.toml"
    if path.exists():
        raise UsageProblem("there is such a profile already", where=path.as_posix(), possible="another name")
    base = load_profile(arguments.extends or BASE)
    if base.kind != "acceptance":
        raise UsageProblem(
            "a rehearsal is no base: what it excuses cannot be promised",
            where="--extends",
            found=base.name,
            possible=f"an acceptance profile, as {BASE}",
        )
    text = profile_toml(pilot([Evidence.read(run_dir) for run_dir in arguments.pilots], base), base)
    path.parent.mkdir(parents=True, exist_ok=True)
    unproven = path.with_name(f".{arguments.new}.unproven.toml")
    try:
        unproven.write_text(text, encoding="utf-8")
        load_profile(unproven.as_posix())
        unproven.replace(path)
    finally:
        unproven.unlink(missing_ok=True)
    print(f"{path.as_posix()}: read it, complete what its head asks for, then: rawrxd plan {arguments.new}")
    return 0
