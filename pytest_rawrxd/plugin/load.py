"""The load test of a session: every level in fresh processes, interleaved, trouble recorded and the rest measured."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path

from pytest_rawrxd.errors import LoadFailed, RigTrouble
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.concurrency import measure_level
from pytest_rawrxd.measure.contention import SystemCpu
from pytest_rawrxd.measure.interleave import interleaved
from pytest_rawrxd.measure.levels import Level
from pytest_rawrxd.measure.memory import MemoryReader
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.plugin.conditions import load_terms
from pytest_rawrxd.plugin.preflight import Rig
from pytest_rawrxd.plugin.progress import Progress
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine


def measure_levels(
    runs: Mapping[Level, int], profile: Profile, rig: Rig, *, sink: Sink, memory: MemoryReader, progress: Progress
) -> None:
    """Measure each level in as many fresh processes as ``runs`` says.

    A level that the engine refuses to load for is not tried again: another process would hear the same.
    """
    order = interleaved(runs)
    refused: set[Level] = set()
    for done, (level, run) in enumerate(order):
        if level not in refused:
            progress.show(done, len(order), f"load, {level}, process {run}")
            if isinstance(_measure(level, run, profile, rig, sink=sink, memory=memory), LoadFailed):
                refused.add(level)


def _measure(
    level: Level, run: int, profile: Profile, rig: Rig, *, sink: Sink, memory: MemoryReader
) -> RigTrouble | None:
    variant = profile.protocol.phase2.variant
    model = rig.models.get(variant)
    terms = load_terms(profile, rig, level, run)
    return measure_level(
        lambda listener: open_engine(
            rig.engine_spec,
            EngineSetup(
                environ=os.environ,
                silence_s=terms.request_deadline_s,
                on_progress=listener,
                seed=zlib.crc32(f"{level} {run}".encode()),
            ),
        ),
        model.path if model else Path(variant),  # a scripted engine has no file
        level,
        {"variant": variant, "run": run, "model_sha256": model.manifest.sha256 if model else None},
        terms,
        sink=sink,
        cpu=SystemCpu(),
        memory=memory,
        own_pids=[os.getpid()],
        clock=SYSTEM,
    )
