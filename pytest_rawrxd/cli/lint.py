"""``rawrxd lint PROFILE``: what no machine can keep, found before any GPU time is spent."""

from __future__ import annotations

import argparse
from typing import Any

from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.lint import lint, render


def add(verbs: Any) -> None:
    verb = verbs.add_parser("lint", help="what a profile promises that cannot be kept (plan --lint)")
    verb.add_argument("profile", metavar="PROFILE", help="a profile's name or a TOML file")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    print(render(lint(load_profile(arguments.profile))))
    return 0
