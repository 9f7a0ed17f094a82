"""The soak of a session: which engine it holds, what it is watched with, and whether it goes on from an earlier one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import zlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import psutil

from pytest_rawrxd.evidence.campaign import Campaign
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.measure.soak.held import OpenHeld, held_in_process, held_server
from pytest_rawrxd.measure.soak.journal import CRASHES, GAPS, LINES, STOP_FILE, Journal, Tally
from pytest_rawrxd.measure.soak.plan import RESTART, SoakTerms
from pytest_rawrxd.measure.soak.resume import Earlier
from pytest_rawrxd.measure.soak.runner import run_soak
from pytest_rawrxd.measure.soak.signals import Elsewhere, MachineSignals, Signals
from pytest_rawrxd.measure.soak.surroundings import Surroundings
from pytest_rawrxd.measure.soak.virtual import VirtualTime
from pytest_rawrxd.plugin.conditions import soak_terms
from pytest_rawrxd.plugin.load import load_client
from pytest_rawrxd.plugin.preflight import SCRIPTED, Rig
from pytest_rawrxd.plugin.progress import Progress
from pytest_rawrxd.rig.boot import asleep_ns, boot_id
from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.engine.protocol import Engine, ProgressListener
from pytest_rawrxd.rig.engine.scenes import SCENES
from pytest_rawrxd.rig.engine.scripted import ScriptedEngine
from pytest_rawrxd.rig.server.dialects import DIALECTS
from pytest_rawrxd.rig.server.found import FoundRemote, key_for
from pytest_rawrxd.rig.server.served import Served, reach, serve
from pytest_rawrxd.rig.telemetry import Telemetry
from pytest_rawrxd.verdict.soak_memory import early_failure

REVIEW_S = 600.0


def soak(
    campaign: Campaign, rig: Rig, sink: Sink, telemetry: Telemetry, progress: Progress, *, earlier: Earlier | None
) -> str:
    """Run the soak of the campaign's profile, or take up ``earlier``; returns how it ended."""
    profile, run_dir = campaign.profile, campaign.path
    terms = soak_terms(profile, rig)
    stop = run_dir / STOP_FILE
    stop.unlink(missing_ok=True)
    own = psutil.Process()
    world = Surroundings(
        journal=Journal(sink, earlier.tally if earlier else Tally(), warn=lambda said: progress.say(f"rawrxd: {said}")),
        clock=SYSTEM,
        asleep_ns=asleep_ns,
        signals=_signals(rig, telemetry, on_cpu=profile.target.backend == "cpu"),
        boot=boot_id(),
        about={"pid": own.pid, "process_started": own.create_time(), "engine": rig.engine.sentence()},
        unseen=unseen(rig),
        stop_asked=stop.exists,
        look=lambda samples: early_failure(samples, profile),
        on_checkpoint=lambda line: progress.say(f"rawrxd soak: {line}"),
        on_review=lambda _day: review(run_dir) if profile.kind == "acceptance" else None,
    )
    kind, _, scene = rig.engine_spec.partition(":")
    if kind == SCRIPTED:
        return _in_virtual_time(terms, world, scene, earlier)
    return run_soak(terms, _open_held(rig, terms), world, earlier)


def unseen(rig: Rig) -> dict[str, str]:
    """What nobody here does to the engine under test or sees of it, each with the reason; empty for one of our own."""
    remote = rig.server
    if not isinstance(remote, FoundRemote):
        return {}
    started = f"somebody else started {remote.target.base_url}"
    found = {RESTART: f"{started}: nobody here can restart it", LINES: f"{started}: its log is not seen here"}
    if not remote.seen:
        found[CRASHES] = f"{started}: its process is not seen here"
    if why := DIALECTS[remote.target.dialect].not_measurable.get("itl"):
        found[GAPS] = why
    return found


def _signals(rig: Rig, telemetry: Telemetry, *, on_cpu: bool) -> Signals:
    """What is read beside the engine; of a server that is not on this machine nothing: our GPU is not its."""
    if (why := unseen(rig).get(CRASHES)) is not None:
        return Elsewhere(why)
    return MachineSignals(telemetry, on_cpu=rig.engine.backend in {"cpu", SCRIPTED} or on_cpu)


def _open_held(rig: Rig, terms: SoakTerms) -> OpenHeld:
    model = rig.models.get(terms.variant)
    path = model.path if model else Path(terms.variant)  # a running server has its own
    if (server := rig.server) is not None:

        def start() -> AbstractContextManager[Served]:
            if isinstance(server, FoundRemote):
                return nullcontext(reach(server, deadline_s=terms.load_deadline_s))
            return serve(server, path, terms.options, environ=os.environ, deadline_s=terms.load_deadline_s)

        return lambda tick: held_server(start, terms, load_client(), tick, key=key_for(server, os.environ))
    return lambda tick: held_in_process(partial(_open, rig.engine_spec, terms), path, terms, tick)


def _open(spec: str, terms: SoakTerms, listener: ProgressListener) -> Engine:
    return open_engine(spec, EngineSetup(environ=os.environ, silence_s=terms.request_deadline_s, on_progress=listener))


def _in_virtual_time(terms: SoakTerms, world: Surroundings, scene: str, earlier: Earlier | None) -> str:
    virtual, lives = VirtualTime(SYSTEM.wall()), count()

    def start() -> ScriptedEngine:
        return ScriptedEngine(SCENES[scene], seed=zlib.crc32(f"soak {next(lives)}".encode()))

    world = replace(
        world,
        clock=virtual.clock,
        asleep_ns=lambda: 0,
        signals=virtual,
        threaded=False,
        virtual=True,
        on_review=lambda _day: None,
    )
    return run_soak(terms, lambda tick: virtual.held(start, terms, tick), world, earlier)


def review(run_dir: Path) -> None:
    """Write the daily review page in a process of its own: drawing takes more memory than a soak may."""
    command = [sys.executable, "-P", "-m", "pytest_rawrxd", "soak", "review", str(run_dir)]
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    draw = partial(subprocess.run, command, check=False, timeout=REVIEW_S, env=child_environment(os.environ), **quiet)
    threading.Thread(target=draw, daemon=True, name="soak-review").start()
