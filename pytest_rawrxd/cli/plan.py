"""``rawrxd plan PROFILE``: what a profile asks for, before any GPU time is spent."""

from __future__ import annotations

import argparse
from typing import Any

from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.lint import lint, render
from pytest_rawrxd.report.plan import plan_text
from pytest_rawrxd.verdict.planning import plan


def add(verbs: Any) -> None:
    verb = verbs.add_parser("plan", help="how long a profile takes, what it can prove, and what cannot be kept")
    verb.add_argument("profile", metavar="PROFILE")
    verb.add_argument("--lint", action="store_true", help="only the feasibility lint")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    profile = load_profile(arguments.profile)
    found = render(lint(profile))
    if arguments.lint:
        print(found)
    else:
        print(plan_text(plan(profile), profile), "", found or "The lint finds nothing to say.", sep="\n")
    return 0
