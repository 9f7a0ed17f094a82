"""A leak that is planted in a real engine process is caught in a compressed soak, and one without a leak is not."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.soak import MemorySink, World, terms_of

from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.soak.held import held_in_process
from pytest_rawrxd.measure.soak.journal import Journal, Tally
from pytest_rawrxd.measure.soak.runner import run_soak
from pytest_rawrxd.measure.soak.signals import MachineSignals
from pytest_rawrxd.measure.soak.surroundings import Surroundings
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.boot import asleep_ns, boot_id
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.engine.handle import ChildEngine
from pytest_rawrxd.rig.engine.process import EngineProcess
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.verdict.rulebook import RULES

PROFILE = """
title = "a soak of seconds"
kind = "rehearsal"
extends = "embedded"

[protocol.soak]
duration = "14 s"
burst_every = "0.25 s"
idle_every = "14 s"
idle = ["0.1 s", "0.2 s"]
restart_every = "7 s"
settle = "1 s"
sample_every = "0.2 s"
thermal_every = "0.1 s"
checkpoint_every = "2 s"
review_every = "7 s"

[criteria.P2-SOAK-DRIFT]
confidence = 0.95
within = "0 MB +- 40 MB"
"""
LEAKING = Path(__file__).parents[1] / "fakes" / "leaking_child.py"


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "seconds.toml"
    path.write_text(PROFILE)
    return load_profile(str(path))


@pytest.mark.parametrize(("mb_per_s", "verdict"), [(0, "PASS"), (10, "FAIL")])
def test_a_leak_in_an_engine_process_is_caught(mb_per_s, verdict, profile, tmp_path):
    world = World()
    world.clock = SYSTEM
    terms = replace(terms_of(profile), options=replace(terms_of(profile).options, n_streams=4))

    def start(listener):
        process = EngineProcess(
            [sys.executable, str(LEAKING), str(mb_per_s)],
            environment=child_environment(os.environ),
            clock=time.monotonic,
        )
        return ChildEngine(process, start_deadline_s=60.0, on_progress=listener)

    with open_probes((), gpu=None, own_pids=[os.getpid()]) as telemetry:
        surroundings = Surroundings(
            Journal(_Stamped(world), Tally(), warn=world.warnings.append),
            SYSTEM,
            asleep_ns,
            MachineSignals(telemetry, on_cpu=True),
            boot_id(),
            {"pid": os.getpid()},
        )
        ended = run_soak(terms, lambda tick: held_in_process(start, Path("none"), terms, tick), surroundings)

    criterion = profile.criteria["P2-SOAK-DRIFT"]
    found, _ = RULES[criterion.metric](world.evidence(profile, tmp_path), criterion)
    assert ended == "finished"
    assert (str(found.verdict), found.reason) == (verdict, found.reason)
    assert (found.estimate > 100) is (mb_per_s > 0)


class _Stamped(MemorySink):
    """A ledger in memory on the real clock."""

    def __init__(self, world):
        super().__init__(world, "s001", world.records)

    def record(self, kind, data, arrays=None):
        self.world.now_ns = SYSTEM.monotonic_ns()
        return super().record(kind, data, arrays)
