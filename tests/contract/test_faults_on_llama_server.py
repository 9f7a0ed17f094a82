"""A real llama-server under the supervisor: killed under load, hidden from its device, and judged."""

import importlib.util
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pytest_rawrxd.measure.canary.song import canaries
from pytest_rawrxd.measure.faults.terms import window_plan
from pytest_rawrxd.measure.faults.window import run_window, sing
from pytest_rawrxd.measure.memory import SystemMemory
from pytest_rawrxd.measure.withheld import withheld
from pytest_rawrxd.plugin import faults
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.faults.process import Kill
from pytest_rawrxd.rig.gpu.lavapipe import lavapipe_environment
from pytest_rawrxd.rig.models.synthetic import write_synthetic
from pytest_rawrxd.rig.server.program import PACKAGE
from pytest_rawrxd.rig.server.target import HttpTarget
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.verdict.fault_window import NO_PROMISE, read_injection, unplanned

if importlib.util.find_spec(PACKAGE) is None:
    pytest.skip("the extra [server] is not installed", allow_module_level=True)
PROFILE = load_profile("embedded")


class Kept:
    """A sink that keeps everything."""

    def __init__(self):
        self.records = []

    def record(self, kind, data, arrays=None):
        self.records.append(SimpleNamespace(id=kind, session="s", kind=kind, data=data, arrays=arrays))
        return kind

    def of(self, kind):
        return [record for record in self.records if record.kind == kind]


@pytest.fixture
def target(tmp_path):
    """The small model, whose every token is printable, on the CPU."""
    model = tmp_path / "small.gguf"
    write_synthetic(model, faults.SMALL)
    rig = SimpleNamespace(
        models={"Q4_K": SimpleNamespace(path=model)},
        host=SimpleNamespace(cores=1),
        server=None,
        beside={},
        engine_spec="llama-cpp-python",
    )
    return faults.find_target(PROFILE, rig, "llama-server")


@pytest.fixture
def terms():
    return replace(
        faults.fault_terms(PROFILE), window_s=3.0, requests=60, tokens=30, retry_after_s=2.0, deadline_s=60.0
    )


def around(target, kept):
    memory = SystemMemory(open_probes((), gpu=None))
    return faults.surroundings(target, "llama-server", PROFILE, sink=kept, memory=memory, show=lambda _: None)


def test_a_killed_server_is_restarted_and_nothing_is_lost_after_a_retry(target, terms, tmp_path):
    kept = Kept()
    birds = canaries(2, seed=1)
    with faults.open_site(target, terms, PROFILE, tmp_path) as site:
        assert site.supervisor.wait_ready(deadline_s=60)
        sing(site, birds, terms, around(target, kept), stage="reference", when="before any fault")
        run_window(site, Kill, terms, around(target, kept), kind="process_crash", number=0, birds=birds)

    (record,) = kept.of("fault.window")
    found = read_injection(record, record.arrays, NO_PROMISE)
    assert found.proven
    assert [event["kind"] for event in record.data["events"]] == ["ended", "started", "ready"]
    assert found.lost == 0 < found.requests
    assert 0 < found.detected_s < found.up_s < found.recovery_s
    assert unplanned(record.data) == []
    assert record.data["settled_ns"] is not None
    assert all((song.arrays["status"] == 200).all() for song in kept.of("canary"))

    # The server repeats the prompt in its last event: it was received, and is not what the ledger gets.
    (prompt, *_) = window_plan(terms, HttpTarget("llama-server", "http://127.0.0.1:9"), 0).prompts
    data, left = withheld(record.kind, record.data, record.arrays, canaries=False)
    assert prompt.encode() in record.arrays["bodies"].tobytes()
    assert prompt.encode() not in json.dumps(data).encode() + b"".join(array.tobytes() for array in left.values())
    assert left["crossed"].tolist() == []


@pytest.mark.skipif(lavapipe_environment() is None, reason="no lavapipe driver (Debian: mesa-vulkan-drivers)")
def test_a_hidden_device_is_replaced_by_the_cpu_and_comes_back(target, terms, tmp_path):
    kept = Kept()
    # No answer is there in 10 ms: what may have to compile first has the time of a load.
    terms = replace(terms, deadline_s=0.01, ready_s=300.0)

    faults.drill_device(PROFILE, target, terms, tmp_path, lambda target: around(target, kept))

    assert {record.data["stands_in"] for record in kept.records} == {"lavapipe"}
    assert [drill.data["name"] for drill in kept.of("fault.drill")] == ["device hidden", "driver missing"]
    for drill in kept.of("fault.drill"):
        assert drill.data["proof"] == {"held": True, "said": "weights were on Vulkan0, are on CPU_Mapped"}
        assert drill.data["before"]["weights"] == drill.data["after"]["weights"]
        assert set(drill.data["after"]["weights"]) == {"CPU_Mapped", "Vulkan0"}
    songs = kept.of("canary")
    assert [song.data["stage"] for song in songs] == ["reference", "device", "solo", "device", "solo"]
    assert [list(song.data["weights"]) for song in songs if song.data["stage"] == "device"] == [["CPU_Mapped"]] * 2
    assert [sorted(set(song.arrays["status"].tolist())) for song in songs] == [[200]] * 5
