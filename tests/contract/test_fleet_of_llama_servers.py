"""Three real llama-servers as one target: asked in turn, told apart, and one of them killed under load."""

import contextlib
import importlib.util
import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pytest_rawrxd.measure.canary.song import canaries
from pytest_rawrxd.measure.faults.window import run_window, sing
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.run import run_load
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.measure.memory import SystemMemory
from pytest_rawrxd.measure.served_run import fleet_of
from pytest_rawrxd.plugin import faults
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.faults.process import Kill
from pytest_rawrxd.rig.models.synthetic import write_synthetic
from pytest_rawrxd.rig.server.found import find_server
from pytest_rawrxd.rig.server.managed import ManagedServer
from pytest_rawrxd.rig.server.program import PACKAGE, find_program
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.verdict.fault_window import NO_PROMISE, read_injection

if importlib.util.find_spec(PACKAGE) is None:
    pytest.skip("the extra [server] is not installed", allow_module_level=True)
PROFILE = load_profile("embedded")


class Kept:
    def __init__(self):
        self.records = []

    def record(self, kind, data, arrays=None):
        self.records.append(SimpleNamespace(id=kind, session="s", kind=kind, data=data, arrays=arrays))
        return kind


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "small.gguf"
    write_synthetic(path, faults.SMALL)
    return path


@pytest.fixture(scope="module")
def others(model):
    """Two servers that nobody hurts."""
    program = find_program(None, environment=child_environment(os.environ))
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(ManagedServer(program, model, faults.SMALL_OPTIONS, environ=os.environ))
            for _ in range(2)
        ]
        for server in servers:
            server.wait_ready(deadline_s=60)
        yield tuple(server.base_url for server in servers)


@pytest.fixture
def target(model, others):
    rig = SimpleNamespace(
        models={"Q4_K": SimpleNamespace(path=model)},
        host=SimpleNamespace(cores=1),
        server=None,
        beside={},
        engine_spec="llama-cpp-python",
    )
    return replace(faults.find_target(PROFILE, rig, "llama-server"), others=others)


def test_a_fleet_of_real_servers_is_one_build_and_each_answers_its_share(others):
    found = find_server(f"openai:{','.join(others)}", environ={}, on_cpu=True)
    plan = LoadPlan(found.target, ClosedLoop(2), ("the sea",), requests=6, max_tokens=8, deadline_s=60.0)

    result = run_load(plan, environ=os.environ)

    assert found.pid is not None
    assert len(found.more_pids) == 1
    assert found.info.details["url"] == ", ".join(f"{base}/v1" for base in others)
    fleet = fleet_of(found.target, result.summary)["fleet"]
    assert fleet["servers"] == 2
    assert set(fleet["names"].values()) == set(found.target.places)
    answered = {name: int(np.count_nonzero(result.arrays.server == int(code))) for code, name in fleet["names"].items()}
    assert set(answered.values()) == {3}
    assert (result.arrays.failure == 0).all(), result.summary["failures"]


def test_one_of_three_killed_under_load_loses_less_than_five_percent(target, others, tmp_path):
    """With one retry, which goes to the next server of the fleet; the killed one comes back meanwhile."""
    kept = Kept()
    terms = replace(
        faults.fault_terms(PROFILE),
        injections=1,
        window_s=3.0,
        requests=90,
        tokens=20,
        retry_after_s=0.2,
        deadline_s=60.0,
    )
    memory = SystemMemory(open_probes((), gpu=None))
    around = faults.surroundings(target, "a fleet", PROFILE, sink=kept, memory=memory, show=lambda _: None)
    birds = canaries(1, seed=1)

    with faults.open_site(target, terms, PROFILE, tmp_path) as site:
        assert site.supervisor.wait_ready(deadline_s=60)
        sing(site, birds, terms, around, stage="reference", when="before any fault")
        run_window(site, Kill, terms, around, kind="process_crash", number=0, birds=birds)
        hurt = site.supervisor.service.base_url

    (record,) = [each for each in kept.records if each.kind == "fault.window"]
    found = read_injection(record, record.arrays, NO_PROMISE)
    assert found.proven
    assert found.requests == 90
    assert found.raw_lost > 0, "the killed server held requests"
    assert found.lost / found.requests < 0.05
    names = {int(code): name for code, name in record.data["client"]["servers"].items()}
    assert {name.rpartition("/")[0].removesuffix("/v1") for name in names.values()} == {hurt, *others}
    lost_first = record.arrays["server"][found.first][found.failed[found.first]]
    assert {names[code].startswith(hurt) for code in lost_first.tolist()} == {True}, "no other server lost one"
