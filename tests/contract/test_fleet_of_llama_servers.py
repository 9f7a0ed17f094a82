"""Three real llama-servers as one target, which the suite starts: asked in turn, told apart, one killed under load."""

import importlib.util
import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from pytest_rawrxd.errors import EngineCrashed
from pytest_rawrxd.measure.canary.song import canaries
from pytest_rawrxd.measure.faults.window import run_window, sing
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.run import run_load
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.measure.memory import SystemMemory
from pytest_rawrxd.measure.served_run import answered_by, fleet_of
from pytest_rawrxd.plugin import faults
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.faults.process import Kill
from pytest_rawrxd.rig.models.synthetic import write_synthetic
from pytest_rawrxd.rig.server.fleet import started
from pytest_rawrxd.rig.server.found import find_server
from pytest_rawrxd.rig.server.program import PACKAGE
from pytest_rawrxd.rig.server.served import serve
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.verdict.fault_window import NO_PROMISE, read_injection

if importlib.util.find_spec(PACKAGE) is None:
    pytest.skip("the extra [server] is not installed", allow_module_level=True)
PROFILE = load_profile("embedded-fleet")
SPEC = "llama-server#servers=3"
PATIENCE_S = 120  #: for what takes a second on a quiet machine


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
def found():
    return find_server(SPEC, environ=os.environ, on_cpu=True)


def test_the_suite_starts_three_servers_as_one_target_and_ends_them(found, model):
    with serve(found, model, faults.SMALL_OPTIONS, environ=os.environ, deadline_s=PATIENCE_S) as served:
        plan = LoadPlan(served.target, ClosedLoop(3), ("the sea",), requests=6, max_tokens=8, deadline_s=PATIENCE_S)
        result = run_load(plan, environ=os.environ)
        served.check()
        processes = [psutil.Process(pid) for pid in (served.pid, *served.more_pids)]
        processes[2].kill()
        processes[2].wait(PATIENCE_S)
        with pytest.raises(EngineCrashed, match="ended while it was measured"):
            served.check()

    assert (result.arrays.failure == 0).all(), result.summary["failures"]
    fleet, codes = fleet_of(served.target, result.summary)["fleet"], answered_by(served.target, result.arrays)
    assert fleet["servers"] == served.info.details["servers"] == found.info.details["servers"] == 3
    # Their addresses change from start to start, their names do not.
    assert sorted(fleet["names"].values()) == ["llama-server 1", "llama-server 2", "llama-server 3"]
    answered = {name: int(np.count_nonzero(codes == int(code))) for code, name in fleet["names"].items()}
    assert set(answered.values()) == {2}
    assert served.load["slots"] == 3 * faults.SMALL_OPTIONS.n_streams
    assert len({buffer["device"] for buffer in served.load["buffers"]}) >= 1
    assert not any(process.is_running() for process in processes)


def test_servers_that_are_running_are_one_fleet_where_they_are_of_one_build(found, model):
    with started(found, model, faults.SMALL_OPTIONS, servers=2, environ=os.environ) as servers:
        for server in servers:
            server.wait_ready(deadline_s=PATIENCE_S)
        urls = [server.base_url for server in servers]
        remote = find_server(f"openai:{','.join(urls)}", environ={}, on_cpu=True)

    assert remote.pid == servers[0].pid
    assert remote.more_pids == (servers[1].pid,)
    assert remote.info.details["url"] == ", ".join(f"{base}/v1" for base in urls)


def test_one_of_three_killed_under_load_loses_less_than_five_percent(found, model, tmp_path):
    """With one retry, which goes to the next server of the fleet; the killed one comes back meanwhile."""
    kept = Kept()
    rig = SimpleNamespace(
        models={"Q4_K": SimpleNamespace(path=model)},
        host=SimpleNamespace(cores=1),
        server=found,
        beside={},
        engine_spec=SPEC,
    )
    terms = replace(
        faults.fault_terms(PROFILE),
        injections=1,
        window_s=3.0,
        requests=90,
        tokens=20,
        retry_after_s=0.2,
        deadline_s=float(PATIENCE_S),
    )
    memory = SystemMemory(open_probes((), gpu=None))

    with faults.find_target(PROFILE, rig, SPEC).whole(deadline_s=PATIENCE_S) as target:
        around = faults.surroundings(target, SPEC, PROFILE, sink=kept, memory=memory, show=lambda _: None)
        birds = canaries(1, seed=1)
        with faults.open_site(target, terms, PROFILE, tmp_path) as site:
            assert site.supervisor.wait_ready(deadline_s=PATIENCE_S)
            sing(site, birds, terms, around, stage="reference", when="before any fault")
            run_window(site, Kill, terms, around, kind="process_crash", number=0, birds=birds)
            hurt = site.supervisor.service.base_url

    (record,) = [each for each in kept.records if each.kind == "fault.window"]
    injection = read_injection(record, record.arrays, NO_PROMISE)
    assert injection.proven
    assert injection.requests == 90
    assert record.data["servers"] == 3
    assert injection.raw_lost > 0, "the killed server held requests"
    assert injection.lost / injection.requests < 0.05
    names = {int(code): name for code, name in record.data["client"]["servers"].items()}
    assert {name.rpartition("/")[0].removesuffix("/v1") for name in names.values()} == {hurt, *target.others}
    lost_first = record.arrays["server"][injection.first][injection.failed[injection.first]]
    assert {names[code].startswith(hurt) for code in lost_first.tolist()} == {True}, "no other server lost one"
