"""``rawrxd walkthrough RUN_DIR``: follow the operator's guide step by step, and sign that it works."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from pytest_rawrxd.measure.clock import SYSTEM


def add(verbs: Any) -> None:
    verb = verbs.add_parser(
        "walkthrough",
        help="follow the operator's guide step by step, and sign how it went",
        description="For somebody who did not write the guide: shows each step, asks what was seen, and records the "
        "signed answers as evidence of the run. Judge the run again afterwards.",
    )
    verb.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="what an acceptance session left, below reports/")
    verb.add_argument("--role", required=True, metavar="ROLE", help="your role, one of the profile's")
    verb.add_argument("--key", required=True, metavar="FILE", type=Path, help="your private key")
    verb.add_argument("--author-key", required=True, metavar="FILE", type=Path, help="public key of the guide's author")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from pytest_rawrxd.cli.sign import ask_passphrase  # noqa: PLC0415 - a GPU machine may not have what signs
    from pytest_rawrxd.report.signing.keys import load_signer  # noqa: PLC0415
    from pytest_rawrxd.report.walkthrough import walk  # noqa: PLC0415

    recorded = walk(
        arguments.run_dir,
        role=arguments.role,
        signer=load_signer(arguments.key, ask_passphrase),
        author=arguments.author_key,
        windows=os.name == "nt",
        ask=input,
        say=print,
        clock=SYSTEM,
    )
    print(f"\nrecorded as {recorded}; rawrxd judge {arguments.run_dir} decides by it")
    return 0
