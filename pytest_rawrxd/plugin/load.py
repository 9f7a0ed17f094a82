"""The load test of a session: every level in fresh processes, interleaved, trouble recorded and the rest measured."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import LoadFailed, RigTrouble
from pytest_rawrxd.measure.concurrency import LoadTerms, Observers, measure_level
from pytest_rawrxd.measure.interleave import interleaved
from pytest_rawrxd.measure.levels import MAIN, Level
from pytest_rawrxd.measure.load.calibration import Calibration, calibrate
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.run import LoadResult, run_load
from pytest_rawrxd.measure.served import measure_served_level
from pytest_rawrxd.measure.served_run import Client
from pytest_rawrxd.plugin.conditions import load_terms
from pytest_rawrxd.plugin.preflight import Rig
from pytest_rawrxd.plugin.progress import Progress
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.rig.engine.choose import EngineSetup
from pytest_rawrxd.rig.engine.protocol import Engine, ProgressListener
from pytest_rawrxd.rig.server.found import FoundServer, key_for
from pytest_rawrxd.rig.server.served import Served, serve


def load_client(processes: int = 1) -> Client:
    """The client of this machine: as many of ``processes`` as a run has work for, and its calibration with the same."""

    def run(plan: LoadPlan) -> LoadResult:
        return run_load(replace(plan, processes=min(processes, plan.parallel)), environ=os.environ)

    def calibrated(*, streams: int, **asked: Any) -> tuple[Calibration, ...]:
        return (calibrate(streams=streams, processes=min(processes, streams), environ=os.environ, **asked),)

    return Client(run, calibrated)


#: Called with the level and the number of its process.
Begin = Callable[[Level, int], None]
#: A level on one engine: None is the one under test, a name one beside it, of which nothing decides.
Place = tuple[Level, str | None]


def measure_levels(
    runs: Mapping[Level, int],
    profile: Profile,
    rig: Rig,
    watch: Observers,
    progress: Progress,
    *,
    client: Client,
    begin: Begin = lambda _level, _run: None,
) -> None:
    """Measure each level in as many fresh processes as ``runs`` says, on every engine that the profile names.

    A level that an engine refuses to load for is not tried again: another process would hear the same. ``begin`` is
    called when a process is loaded and its load is about to begin.
    """
    load = _LoadTest(profile, rig, watch, client, begin)
    order = interleaved(_places(runs, rig))
    refused: set[Place] = set()
    for done, (place, run) in enumerate(order):
        level, beside = place
        if place not in refused:
            progress.show(done, len(order), f"load, {beside or rig.engine_spec}, {level}, process {run}")
            if isinstance(load.measure(level, beside, run), LoadFailed):
                refused.add(place)


def _places(runs: Mapping[Level, int], rig: Rig) -> dict[Place, int]:
    """What runs where: everything on the engine under test, the main run and its one stream beside it."""
    found: dict[Place, int] = {(level, None): count for level, count in runs.items()}
    if any(level.part == MAIN for level in runs):
        both = {level: count for level, count in runs.items() if level.part == MAIN or level == Level(1)}
        found |= {(level, spec): count for spec in rig.beside for level, count in both.items()}
    return found


@dataclass(frozen=True)
class _LoadTest:
    profile: Profile
    rig: Rig
    watch: Observers
    client: Client
    begin: Begin

    def measure(self, level: Level, beside: str | None, run: int) -> RigTrouble | None:
        terms = load_terms(self.profile, self.rig, level, run)
        variant = self.profile.protocol.phase2.variant
        model = self.rig.models.get(variant)
        about: dict[str, Any] = {
            "variant": variant,
            "run": run,
            "model_sha256": model.manifest.sha256 if model else None,
            "beside": beside,
        }
        path = model.path if model else Path(variant)  # a scripted engine has no file, a running server its own
        watch = replace(self.watch, begin=partial(self.begin, level, run))
        server = self.rig.beside[beside] if beside else self.rig.server
        if server is not None:
            share = self.profile.protocol.phase2.open_loop.to("ratio")
            start = partial(_serve, server, path, terms)
            key = key_for(server, os.environ)
            return measure_served_level(
                start, level, about, terms, client=self.client, open_share=share, watch=watch, key=key
            )
        start_engine = partial(_open, self.rig, terms, zlib.crc32(f"{level} {run}".encode()))
        return measure_level(start_engine, path, level, about, terms, watch=watch)


def _serve(server: FoundServer, model: Path, terms: LoadTerms) -> AbstractContextManager[Served]:
    return serve(server, model, terms.options, environ=os.environ, deadline_s=terms.load_deadline_s)


def _open(rig: Rig, terms: LoadTerms, seed: int, listener: ProgressListener) -> Engine:
    setup = EngineSetup(environ=os.environ, silence_s=terms.request_deadline_s, on_progress=listener, seed=seed)
    return rig.open(rig.engine_spec, setup)
