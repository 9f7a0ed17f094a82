"""``rawrxd doctor [PROFILE]``: what this machine can and cannot measure, and why, before anything is started."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from pytest_rawrxd.measure.capability import capability
from pytest_rawrxd.measure.checkup import check_up
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.doctor import doctor_text
from pytest_rawrxd.rig.gpu import find_gpus
from pytest_rawrxd.rig.telemetry import open_probes

ENGINE = "llama-cpp-python"
CODES = "Exit code: 0 when nothing is in the way, 1 when a criterion or a run cannot be measured here, 4 for usage."


def add(verbs: Any) -> None:
    verb = verbs.add_parser("doctor", help="what this machine can and cannot measure, and why", epilog=CODES)
    verb.add_argument("profile", metavar="PROFILE", nargs="?", help="the promises to hold against this machine")
    verb.add_argument("--sla-models", metavar="DIR", type=Path, dest="models", help="folder with the .gguf files")
    verb.add_argument("--sla-engine", metavar="SPEC", dest="engine", default=ENGINE, help=f"default: {ENGINE}")
    verb.add_argument("--sla-run-dir", metavar="DIR", type=Path, dest="run_dir", default=Path("reports"))
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    profile = load_profile(arguments.profile) if arguments.profile else None
    gpus = find_gpus()
    with open_probes((), gpu=gpus[0] if gpus else None, own_pids=[os.getpid()]) as telemetry:
        found = check_up(
            arguments.engine,
            folder=arguments.models,
            run_dir=arguments.run_dir,
            gpus=gpus,
            telemetry=telemetry,
            clock=SYSTEM,
            environ=os.environ,
        )
    able = capability(profile, found) if profile is not None else None
    print(doctor_text(found, profile, able))
    if able is None:
        return 0 if found.engine is not None else 1
    return 1 if able.refused or able.lacking else 0
