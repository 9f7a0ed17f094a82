"""``rawrxd plan PROFILE``: what a profile asks for, before any GPU time is spent."""

from __future__ import annotations

import argparse
from typing import Any

from pytest_rawrxd.cli import lint


def add(verbs: Any) -> None:
    verb = verbs.add_parser("plan", help="what a profile promises, and which promises cannot be kept")
    verb.add_argument("profile", metavar="PROFILE")
    verb.add_argument("--lint", action="store_true", help="only the feasibility lint")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    return lint.run(arguments)
