"""``rawrxd doctor [PROFILE]``: what this machine can and cannot measure, and why, before anything is started."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.capability import capability
from pytest_rawrxd.measure.checkup import Checkup, check_up, from_dict
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.doctor import doctor_text
from pytest_rawrxd.rig.gpu import find_gpus
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.rig.telemetry.access import this_machine
from pytest_rawrxd.rig.telemetry.recording import Recorder
from pytest_rawrxd.rig.telemetry.sources import sources

ENGINE = "llama-cpp-python"
CHECKUP = "doctor.json"  #: the check-up of a recording, beside what its probes saw
CODES = (
    "Exit code: 0 when nothing is in the way, 1 when a run or a criterion of PROFILE cannot be measured here or no "
    "engine answers, 4 for usage. Notes do not change it."
)


def add(verbs: Any) -> None:
    verb = verbs.add_parser("doctor", help="what this machine can and cannot measure, and why", epilog=CODES)
    verb.add_argument("profile", metavar="PROFILE", nargs="?", help="the promises to hold against this machine")
    verb.add_argument("--sla-models", metavar="DIR", type=Path, dest="models", help="folder with the .gguf files")
    verb.add_argument("--sla-engine", metavar="SPEC", dest="engine", default=ENGINE, help=f"default: {ENGINE}")
    verb.add_argument(
        "--sla-run-dir",
        metavar="DIR",
        type=Path,
        dest="run_dir",
        default=Path("reports"),
        help="where evidence would be kept, to look at its disk; default: reports",
    )
    verb.add_argument(
        "--record",
        metavar="DIR",
        type=Path,
        help="keep what the probes saw in a new folder; it names cards, driver, processor and engine, and no files",
    )
    verb.add_argument("--replay", metavar="DIR", type=Path, help="show another machine, from its --record")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    profile = load_profile(arguments.profile) if arguments.profile else None
    on_cpu = profile is not None and profile.target.backend == "cpu"
    found = _recorded(arguments) if arguments.replay is not None else _looked(arguments, on_cpu=on_cpu)
    able = capability(profile, found) if profile is not None else None
    print(doctor_text(found, profile, able))
    if able is None:
        return 0 if found.engine is not None else 1
    return 1 if able.refused or able.lacking else 0


def _looked(arguments: argparse.Namespace, *, on_cpu: bool) -> Checkup:
    if arguments.record is not None:
        _make(arguments.record)
    gpus = find_gpus()
    gpu = gpus[0] if gpus else None
    recorder = Recorder(this_machine())
    with open_probes((), gpu=gpu, own_pids=[os.getpid()], candidates=sources(gpu, recorder.access)) as telemetry:
        found = check_up(
            arguments.engine,
            folder=arguments.models,
            run_dir=arguments.run_dir,
            gpus=gpus,
            telemetry=telemetry,
            clock=SYSTEM,
            environ=os.environ,
            on_cpu=on_cpu,
        )
    if arguments.record is not None:
        recorder.save(arguments.record)
        told = json.dumps(found.to_dict(), indent=1, sort_keys=True)
        (arguments.record / CHECKUP).write_text(f"{told}\n", encoding="utf-8")
    return found


def _make(folder: Path) -> None:
    """A new folder, before anything is looked at."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise UsageProblem(
            "a recording is not written over", where="--record", found=str(folder), possible="a new folder"
        ) from error
    except OSError as error:
        raise UsageProblem(
            "the recording cannot be written",
            where="--record",
            found=f"{folder}: {error.strerror}",
            possible="a new folder in a place that you may write to",
        ) from error


def _recorded(arguments: argparse.Namespace) -> Checkup:
    if arguments.record is not None:
        raise UsageProblem("--replay shows another machine", found="--record", possible="one of the two")
    path = arguments.replay / CHECKUP
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageProblem(
            "there is no recording", where=str(path), found=str(error), possible="a folder that --record wrote"
        ) from error
    return from_dict(told, arguments.run_dir, arguments.models)
