"""``rawrxd doctor [PROFILE]``: what this machine can and cannot measure, and why, before anything is started."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.believed import believed
from pytest_rawrxd.evidence.canonical import strict_loads
from pytest_rawrxd.ini import ini_options
from pytest_rawrxd.measure.capability import capability
from pytest_rawrxd.measure.checkup import Checkup, check_up, from_dict
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.doctor import doctor_text
from pytest_rawrxd.rig.gpu import find_gpus
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.rig.telemetry.access import this_machine
from pytest_rawrxd.rig.telemetry.recording import Recorder, place_of
from pytest_rawrxd.rig.telemetry.sources import sources
from pytest_rawrxd.settings import OFF, OPTIONS, Setting, said, wanted

ENGINE = "llama-cpp-python"
DEFAULT_RUN_DIR = Path("reports")
#: The settings of an acceptance session that say what is looked at.
ASKED = {
    "profile": "the promises to hold against this machine",
    "models": "folder with the .gguf files",
    "engine": f"default: {ENGINE}",
    "run-dir": f"where evidence would be kept, to look at its disk; default: {DEFAULT_RUN_DIR}",
}
CHECKUP = "doctor.json"  #: the check-up of a recording, beside what its probes saw
MAX_CHECKUP = 4 << 20  #: bytes
CODES = (
    "Exit code: 0 when nothing is in the way, 1 when a run or a criterion of PROFILE cannot be measured here or no "
    "engine answers, 4 for usage. Notes do not change it."
)


def add(verbs: Any) -> None:
    verb = verbs.add_parser("doctor", help="what this machine can and cannot measure, and why", epilog=CODES)
    for name, told in ASKED.items():
        option = OPTIONS[name]
        twins = f"{told} (environment {option.variable}, ini {option.ini}; '{OFF}' switches it off)"
        if name == "profile":
            verb.add_argument(option.ini, metavar="PROFILE", nargs="?", help=twins)
        else:
            verb.add_argument(option.flag, metavar=option.metavar, dest=option.ini, help=twins)
    verb.add_argument(
        "--record",
        metavar="DIR",
        type=Path,
        help="keep what the probes saw in a new folder; it names cards, driver, processor and engine, and no files",
    )
    verb.add_argument("--replay", metavar="DIR", type=Path, help="show another machine, from its --record")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    named = settings.get("profile")
    profile = load_profile(named.value) if named else None
    on_cpu = profile is not None and profile.target.backend == "cpu"
    if arguments.replay is not None:
        found = _recorded(arguments, settings)
    else:
        found = _looked(arguments.record, settings, on_cpu=on_cpu)
    unsaid = {OPTIONS[name].flag: each for name, each in settings.items() if each.source != OPTIONS[name].flag}
    with believed(arguments.replay, "shown") if arguments.replay is not None else nullcontext():
        able = capability(profile, found) if profile is not None else None
        text = doctor_text(found, profile, able, unsaid)
    print(text)
    if able is None:
        return 0 if found.engine is not None else 1
    return 1 if able.refused or able.lacking else 0


def _settings(arguments: argparse.Namespace) -> dict[str, Setting]:
    """What the command line, the environment or pytest's configuration say, as an acceptance session here would."""
    ini = ini_options(Path.cwd())
    found = {
        name: wanted(
            said(
                OPTIONS[name],
                line=getattr(arguments, OPTIONS[name].ini),
                environment=os.environ.get(OPTIONS[name].variable),
                ini=ini.get(OPTIONS[name].ini),
            )
        )
        for name in ASKED
    }
    return {name: each for name, each in found.items() if each is not None}


def _run_dir(settings: Mapping[str, Setting]) -> Path:
    return Path(settings["run-dir"].value) if "run-dir" in settings else DEFAULT_RUN_DIR


def _models(settings: Mapping[str, Setting]) -> Path | None:
    return Path(settings["models"].value) if "models" in settings else None


def _looked(record: Path | None, settings: Mapping[str, Setting], *, on_cpu: bool) -> Checkup:
    if record is not None:
        _make(record)
    gpus = find_gpus()
    recorders = [Recorder(this_machine()) for _ in gpus or (None,)]
    with ExitStack() as stack:
        telemetry = [
            stack.enter_context(
                open_probes((), gpu=gpu, own_pids=[os.getpid()], candidates=sources(gpu, recorder.access))
            )
            for gpu, recorder in zip(gpus or (None,), recorders, strict=True)
        ]
        found = check_up(
            settings["engine"].value if "engine" in settings else ENGINE,
            folder=_models(settings),
            run_dir=_run_dir(settings),
            gpus=gpus,
            telemetry=telemetry,
            clock=SYSTEM,
            environ=os.environ,
            on_cpu=on_cpu,
        )
    if record is not None:
        for index, recorder in enumerate(recorders):
            recorder.save(place_of(record, index))
        told = json.dumps(found.to_dict(), indent=1, sort_keys=True)
        (record / CHECKUP).write_text(f"{told}\n", encoding="utf-8")
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


def _recorded(arguments: argparse.Namespace, settings: Mapping[str, Setting]) -> Checkup:
    if arguments.record is not None:
        raise UsageProblem("--replay shows another machine", found="--record", possible="one of the two")
    path = arguments.replay / CHECKUP
    try:
        told = strict_loads(_at_most(path, MAX_CHECKUP))
    except (OSError, ValueError) as error:
        raise UsageProblem(
            "there is no recording", where=str(path), found=str(error), possible="a folder that --record wrote"
        ) from error
    return from_dict(told, _run_dir(settings), _models(settings))


def _at_most(path: Path, limit: int) -> bytes:
    if path.stat().st_size > limit:
        raise ValueError(f"more than {limit} bytes")
    return path.read_bytes()
