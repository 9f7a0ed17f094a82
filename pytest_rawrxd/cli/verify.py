"""``rawrxd verify RUN_DIR --keys DIR``: is the run what its evidence gives, and what was signed?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pytest_rawrxd.cli.bounded import add_limits, bounded, limits
from pytest_rawrxd.cli.places import add_places
from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.profile import load_profile


def add(verbs: Any) -> None:
    verb = verbs.add_parser(
        "verify",
        help="compute every digest again, derive every verdict again, check the signatures",
        description="Needs no GPU, no model and no network. Exit 0: every file is what the evidence gives and every "
        "signature holds; with --accepted also: every role has accepted these phases.",
    )
    verb.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="what an acceptance session left, below reports/")
    verb.add_argument("--keys", metavar="DIR", type=Path, help="public keys that are trusted, ROLE.pub")
    verb.add_argument(
        "--accepted", metavar="PHASE", type=int, choices=(1, 2, 3), nargs="+", default=[], help="phases to be accepted"
    )
    verb.add_argument("--profile", metavar="PROFILE", help="refuse evidence of another profile than this one")
    verb.add_argument(
        "--expect",
        metavar="FIELD=VALUE",
        action="append",
        default=[],
        help="refuse evidence of another identity, such as engine.version=b1 or models.Q4_K=SHA256",
    )
    add_places(verb)
    add_limits(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    # A GPU machine, which has no keys to check, may not have what checks them.
    from pytest_rawrxd.report.signing.keys import load_keys  # noqa: PLC0415
    from pytest_rawrxd.report.signing.told import told  # noqa: PLC0415
    from pytest_rawrxd.report.signing.verify import verify  # noqa: PLC0415

    expected = dict(map(_field, arguments.expect))
    if arguments.profile:
        expected["profile"] = load_profile(arguments.profile).digest
    keys = load_keys(arguments.keys) if arguments.keys else None
    with bounded(limits(arguments), where=str(arguments.run_dir)):
        today, places = SYSTEM.wall().date(), arguments.runs
        found = verify(arguments.run_dir, keys, today=today, expected=expected, places=places)
    print("\n".join(told(found, wanted=arguments.accepted)))
    lacking = any(phase.phase in arguments.accepted and not phase.is_accepted for phase in found.phases)
    unknown = set(arguments.accepted) - {phase.phase for phase in found.phases}
    return 1 if found.problems or lacking or unknown else 0


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageProblem("no field and value", where="--expect", found=text, possible="engine.version=b1")
    return name, value
