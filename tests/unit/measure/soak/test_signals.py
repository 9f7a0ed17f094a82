"""What is read beside a soak: a counter that stands still is given up; of a server elsewhere nothing is ours."""

from types import SimpleNamespace

import pytest
from fakes.nvml import UUID, ScriptedNvml

from pytest_rawrxd.measure.memory import SystemMemory
from pytest_rawrxd.measure.soak.signals import SUITE, Elsewhere, MachineSignals
from pytest_rawrxd.plugin.soak import unseen
from pytest_rawrxd.rig.engine.protocol import EngineInfo
from pytest_rawrxd.rig.server.found import FoundRemote
from pytest_rawrxd.rig.server.target import HttpTarget
from pytest_rawrxd.rig.telemetry import Telemetry
from pytest_rawrxd.rig.telemetry.nvml import NvmlProbe

LOADED = 2_000_000_000


def signals():
    return MachineSignals(Telemetry([NvmlProbe(UUID, ScriptedNvml())]), on_cpu=False)


def test_a_counter_that_stands_still_while_a_model_loads_is_judged_no_more():
    found = signals()
    judged, before = found.memory, found.read(())

    still = found.distrust(before, (), LOADED)

    assert "memory_used_bytes" in judged
    assert still == {"memory_used_bytes": "not trusted: it moved by 0 MB while 2000 MB were loaded"}
    assert "memory_used_bytes" not in found.memory
    assert found.read(())["memory_used_bytes"] is None
    assert found.read(())[SUITE] > 1 << 20


def test_where_nothing_was_put_onto_a_device_no_counter_is_doubted():
    found = signals()

    assert found.distrust(found.read(()), (), 0) == {}


def test_an_engine_on_another_machine_has_no_memory_of_ours():
    found = Elsewhere("its process is not seen here")

    assert (found.memory, set(found.read((7,))), found.distrust({}, (7,), LOADED)) == ((), {SUITE}, {})
    assert set(found.absent.values()) == {"its process is not seen here"}


def test_device_memory_around_a_fault_is_that_of_all_processes_and_its_absence_has_a_reason():
    there = SystemMemory(Telemetry([NvmlProbe(UUID, ScriptedNvml())])).device_bytes(None)
    absent = SystemMemory(Telemetry([], no_gpu="this machine shows no GPU")).device_bytes(1)

    assert there["memory_used_bytes"] > 0
    assert there["why"] is None
    assert absent == {
        "process_memory_bytes": None,
        "memory_used_bytes": None,
        "why": "this machine shows no GPU",
    }


@pytest.mark.parametrize(
    ("dialect", "pid", "names"),
    [
        ("openai", 7, {"restart", "log"}),
        ("openai", None, {"restart", "log", "crashes"}),
        ("rawrxd", 7, {"restart", "log", "gaps"}),
    ],
)
def test_of_a_server_that_somebody_else_runs_it_is_said_what_nobody_sees(dialect, pid, names):
    info = EngineInfo("a server", "1", "HTTP", "not told", "not told", "")
    remote = FoundRemote(HttpTarget(dialect, "http://127.0.0.1:8080"), info, pid=pid)

    found = unseen(SimpleNamespace(server=remote))

    assert set(found) == names
    assert found["restart"] == "somebody else started http://127.0.0.1:8080: nobody here can restart it"
    assert unseen(SimpleNamespace(server=None)) == {}
