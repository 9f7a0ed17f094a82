"""The ``rawrxd`` command: one file a verb, no logic of its own."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from pytest_rawrxd import __version__
from pytest_rawrxd.cli import compare, doctor, judge, lint, models, plan, publish, soak
from pytest_rawrxd.errors import RawrxdError, UsageProblem

VERBS = (doctor, plan, lint, models, soak, judge, compare, publish)
DONE = 0
TROUBLE = 1
USAGE = 4
INTERRUPTED = 2


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="rawrxd", description="Plan, judge and publish acceptance runs of LLM inference engines."
    )
    root.add_argument("--version", action="version", version=f"rawrxd {__version__}")
    verbs = root.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb in VERBS:
        verb.add(verbs)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code: 0 done, 1 not approved, 2 interrupted, 4 usage."""
    try:
        chosen = parser().parse_args(arguments)
    except SystemExit as left:  # argparse ends with 2, which means "interrupted" here and in pytest
        return USAGE if left.code == 2 else int(left.code or 0)
    try:
        return int(chosen.run(chosen))
    except UsageProblem as problem:
        print(f"rawrxd: {problem}", file=sys.stderr)
        return USAGE
    except RawrxdError as problem:
        print(f"rawrxd: {problem}", file=sys.stderr)
        return TROUBLE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe, `head` for example, had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
