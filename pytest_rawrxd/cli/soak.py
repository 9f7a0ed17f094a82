"""``rawrxd soak start|status|stop|collect|review``: the soak outside any terminal or job."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from pytest_rawrxd.cli import judge
from pytest_rawrxd.errors import CampaignProblem, RigTrouble, UsageProblem
from pytest_rawrxd.evidence.campaign import CARD, Evidence, read_card
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.soak.journal import STOP_FILE
from pytest_rawrxd.measure.soak.resume import Earlier, check_resumable
from pytest_rawrxd.places import package_data
from pytest_rawrxd.profile import Profile, load_profile
from pytest_rawrxd.report.render import view_of
from pytest_rawrxd.report.soak_pages import write_soak_pages
from pytest_rawrxd.report.soak_status import state_of, status_lines
from pytest_rawrxd.rig.detached import newest, start_detached
from pytest_rawrxd.rig.gpu import find_gpus, lease
from pytest_rawrxd.rig.models.cache import default_cache
from pytest_rawrxd.rig.server.target import HTTP_KINDS
from pytest_rawrxd.verdict.judge import judge as judged
from pytest_rawrxd.verdict.soak import soak_runs, unfinished_soak

LOG = "soak.log"
STARTS_S, STOPS_S, LOOK_S = 20.0, 120.0, 0.5


def add(verbs: Any) -> None:
    verb = verbs.add_parser("soak", help="run the soak outside any terminal, look at it, judge it")
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True)
    begin = actions.add_parser("start", help="start a soak, or go on with the one of a run directory")
    begin.add_argument(
        "profile", metavar="PROFILE|RUN_DIR", help="what is promised; or the folder of a soak that goes on"
    )
    begin.add_argument("--run-dir", metavar="DIR", type=Path, help="default: reports/PROFILE-soak-TIME")
    begin.add_argument("--models", metavar="DIR", help="folder with the .gguf files to test")
    begin.add_argument("--engine", metavar="SPEC", help="the engine to test, as --sla-engine takes it")
    begin.set_defaults(run=start)
    for name, action, told in (
        ("status", status, "progress, end, drift so far, crashes, interruptions"),
        ("stop", stop, "ask it to stop after its present burst; it can go on later"),
        ("collect", collect, "judge it as it stands and write every report"),
        ("review", review, "write the pages of the soak as it stands, without judging the rest"),
    ):
        one = actions.add_parser(name, help=told)
        one.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="the folder of the soak")
        one.set_defaults(run=action)


def start(arguments: argparse.Namespace) -> int:
    profile, run_dir = _what(arguments)
    earlier = _earlier(run_dir)
    if earlier is not None:
        check_resumable(earlier, run_dir)
        _as_before(arguments, run_dir)
    _refuse_second(profile)
    run_dir.mkdir(parents=True, exist_ok=True)
    log = run_dir.parent / f"{run_dir.name}.{LOG}"
    command = _command(arguments, run_dir, resume=earlier is not None, lanes=profile.lanes)
    found = start_detached(command, name=f"rawrxd-soak-{run_dir.name}", log=log, environ=os.environ)
    print(f"{'going on with' if earlier else 'started'} the soak of {profile.name} in {run_dir}")
    print(f"as {found.how}, which {found.survives}; its output: {log}")
    print(f"look at it: rawrxd soak status {run_dir}")
    return _watch_start(run_dir, log, earlier)


def status(arguments: argparse.Namespace) -> int:
    print("\n".join(status_lines(Evidence.read(arguments.run_dir), SYSTEM.wall())))
    return 0


def stop(arguments: argparse.Namespace) -> int:
    run_dir: Path = arguments.run_dir
    if _state(run_dir) != "running":
        raise UsageProblem("no soak is running there", where=str(run_dir), found=_state(run_dir))
    (run_dir / STOP_FILE).touch()
    ends = time.monotonic() + STOPS_S
    while time.monotonic() < ends:
        if _state(run_dir) != "running":
            return status(arguments)
        time.sleep(LOOK_S)
    print(f"asked; it stops when its present burst has ended: rawrxd soak status {run_dir}")
    return 0


def collect(arguments: argparse.Namespace) -> int:
    evidence = Evidence.read(arguments.run_dir)
    print("\n".join(status_lines(evidence, SYSTEM.wall())))
    return judge.judge_run(arguments.run_dir)


def review(arguments: argparse.Namespace) -> int:
    evidence = Evidence.read(arguments.run_dir)
    for path in write_soak_pages(view_of(evidence, judged(evidence)), arguments.run_dir):
        print(path)
    return 0


def _what(arguments: argparse.Namespace) -> tuple[Profile, Path]:
    """Which promises, and where: a new folder for a profile, or the folder of a soak that goes on with its own ones."""
    named = Path(arguments.profile)
    if (named / CARD).is_file():
        if arguments.run_dir is not None:
            raise UsageProblem("two folders are named", where=f"--run-dir {arguments.run_dir}", found=str(named))
        arguments.profile = None
        return read_card(named).profile, named
    profile = load_profile(arguments.profile)
    stamp = SYSTEM.wall().strftime("%Y%m%d-%H%M%S")
    return profile, arguments.run_dir or Path("reports") / f"{profile.name}-soak-{stamp}"


def _as_before(arguments: argparse.Namespace, run_dir: Path) -> None:
    """Take engine and models from the command line of the newest session, unless others are named now."""
    argv = [str(word) for word in Evidence.read(run_dir).of("session.start")[-1].data["argv"]]
    for name, flag in (("models", "--sla-models"), ("engine", "--sla-engine")):
        given = [after for word, after in pairwise([*argv, ""]) if word == flag]
        given += [word.removeprefix(f"{flag}=") for word in argv if word.startswith(f"{flag}=")]
        if given and getattr(arguments, name) is None:
            setattr(arguments, name, given[-1])


def _earlier(run_dir: Path) -> Earlier | None:
    return unfinished_soak(Evidence.read(run_dir)) if (run_dir / CARD).exists() else None


def _state(run_dir: Path) -> str:
    """ "running" while any card is; otherwise the state of the first."""
    states = [state_of(run) for run in soak_runs(Evidence.read(run_dir))]
    return "running" if "running" in states else next(iter(states), "no soak")


def _refuse_second(profile: Profile) -> None:
    """Raise CampaignProblem while a device is in use: two soaks on one GPU measure neither."""
    gpus = () if profile.target.backend == "cpu" else find_gpus()[: profile.lanes]
    for device in [gpu.uuid for gpu in gpus] or ["cpu"]:
        _refuse_in_use(device)


def _refuse_in_use(device: str) -> None:
    try:
        with lease(device, default_cache().root / "locks", wait_s=0.0):
            return
    except RigTrouble as trouble:
        raise CampaignProblem(
            "a soak needs a device of its own, and this one is in use",
            where=device,
            found=trouble.where,
            possible="wait for the other run, or stop it: rawrxd soak stop RUN_DIR",
        ) from trouble


def _command(arguments: argparse.Namespace, run_dir: Path, *, resume: bool, lanes: int) -> Sequence[str]:
    chosen = [(f"--sla-{name}", getattr(arguments, name)) for name in ("profile", "models", "engine")]
    return [
        sys.executable,
        "-m",
        "pytest",
        str(package_data("acceptance") / "phase2"),
        "-m",
        "soak",
        "-p",
        "no:cacheprovider",
        "--sla-resume" if resume else "--sla-run-dir",
        str(run_dir),
        *(part for flag, value in chosen if value for part in (flag, value)),
        # A server that is running is one engine, whatever it runs on.
        *(("-n", str(lanes)) if lanes > 1 and (arguments.engine or "").partition(":")[0] not in HTTP_KINDS else ()),
    ]


def _watch_start(run_dir: Path, log: Path, earlier: Earlier | None) -> int:
    """Wait a little for the first record: most of what can go wrong goes wrong at once."""
    before = earlier.tally.sessions if earlier else 0
    ends = time.monotonic() + STARTS_S
    while time.monotonic() < ends:
        now = _earlier(run_dir)
        if now is not None and now.tally.sessions > before:
            print("it is measuring")
            return 0
        said = newest(log)
        if any(line.startswith(("ERROR:", "INTERNALERROR")) or " error" in line[:60] for line in said.splitlines()):
            print(said, file=sys.stderr)
            return 1
        time.sleep(LOOK_S)
    print("it is not measuring yet: models are prepared, or the machine is measured first")
    return 0
