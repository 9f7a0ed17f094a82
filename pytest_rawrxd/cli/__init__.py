"""The ``rawrxd`` command: one file a verb, no logic of its own."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from pytest_rawrxd import __version__
from pytest_rawrxd.cli import (
    alerts,
    choose,
    compare,
    doctor,
    init,
    judge,
    lint,
    load,
    models,
    plan,
    probe,
    publish,
    report,
    sign,
    soak,
    verify,
    walkthrough,
)
from pytest_rawrxd.cli.shown import shown
from pytest_rawrxd.errors import RawrxdError, UsageProblem

VERBS = (
    doctor,
    init,
    plan,
    lint,
    models,
    load,
    soak,
    judge,
    compare,
    report,
    choose,
    walkthrough,
    sign,
    verify,
    publish,
    alerts,
    probe,
)
DONE = 0
TROUBLE = 1
USAGE = 4
INTERRUPTED = 2


class Parser(argparse.ArgumentParser):
    """Refuses in the voice of every other error: what, where, and what is possible."""

    def error(self, message: str) -> NoReturn:
        usage = " ".join(self.format_usage().split())
        raise UsageProblem(message, where=f"command line of {self.prog}", possible=f"{usage}; {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    root = Parser(
        prog="rawrxd",
        description="Plan, judge and publish acceptance runs of LLM inference engines. They are measured by pytest.",
        epilog="Exit codes: 0 done or approved, 1 not approved or trouble, 2 interrupted, 4 usage.",
    )
    root.add_argument("--version", action="version", version=f"rawrxd {__version__}")
    verbs = root.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb in VERBS:
        verb.add(verbs)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code: 0 done, 1 not approved, 2 interrupted, 4 usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console without a character shows its code, and no traceback
            stream.reconfigure(errors="backslashreplace")
    with shown():
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    try:
        chosen = parser().parse_args(arguments)
        return int(chosen.run(chosen))
    except SystemExit:  # --help and --version
        return DONE
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
