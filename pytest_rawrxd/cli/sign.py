"""``rawrxd sign RUN_DIR`` signs a run's results and acceptance; ``rawrxd sign keygen`` makes a key for it."""

from __future__ import annotations

import argparse
import getpass
import os
from pathlib import Path
from typing import Any

from pytest_rawrxd.cli.places import add_places
from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.clock import SYSTEM

KEYGEN = "keygen"
PASSPHRASE = "RAWRXD_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable, no password


def add(verbs: Any) -> None:
    verb = verbs.add_parser(
        "sign",
        help="sign the results of a phase, and that it is accepted",
        description="Sign a run (RUN_DIR), or make a key pair for a role (keygen). An encrypted key asks for its "
        f"passphrase, or takes it from {PASSPHRASE}.",
    )
    verb.add_argument("run_dir", metavar="RUN_DIR|keygen", help="the run to sign; or the word keygen")
    verb.add_argument("--role", required=True, metavar="ROLE", help='a role of the profile, "GPU Engineering Lead"')
    verb.add_argument("--key", metavar="FILE", type=Path, help="the role's private key")
    verb.add_argument("--phase", type=int, choices=(1, 2, 3), help="default: the one that has evidence")
    verb.add_argument(
        "--results-only", action="store_true", help="sign the results as they are; nothing is accepted by it"
    )
    add_places(verb)
    verb.add_argument("--to", metavar="DIR", type=Path, help="keygen: where the pair is written; default: here")
    verb.add_argument("--encrypt", action="store_true", help="keygen: protect the private key by a passphrase")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    return _keygen(arguments) if arguments.run_dir == KEYGEN else _sign(arguments)


def _sign(arguments: argparse.Namespace) -> int:
    if arguments.key is None:
        raise UsageProblem("signing needs a private key", where="--key", possible="a file of rawrxd sign keygen")
    from pytest_rawrxd.report.signing.keys import load_signer  # noqa: PLC0415 - a GPU machine may not have what signs
    from pytest_rawrxd.report.signing.sign import sign  # noqa: PLC0415

    now = SYSTEM.wall()
    written = sign(
        Path(arguments.run_dir),
        arguments.role,
        load_signer(arguments.key, ask_passphrase),
        phase=arguments.phase,
        accept=not arguments.results_only,
        at=now.isoformat(timespec="seconds"),
        today=now.date(),
        places=arguments.runs,
    )
    for path in written:
        print(path)
    return 0


def _keygen(arguments: argparse.Namespace) -> int:
    from pytest_rawrxd.report.signing.keys import generate  # noqa: PLC0415 - as above

    passphrase = ask_passphrase(f"passphrase for the key of {arguments.role}: ") if arguments.encrypt else None
    private, public = generate(arguments.to or Path(), arguments.role, passphrase)
    print(f"{private} is private: keep it to yourself")
    print(f"{public} is public: give it to those who verify")
    return 0


def ask_passphrase(question: str) -> str:
    return os.environ.get(PASSPHRASE) or getpass.getpass(question)
