"""What can be supervised, with small Python programs as services and hooks."""

import os
import subprocess
import sys
import threading

import psutil
import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.target.process import KEPT_LINES, LOAD_LINES, ServiceProcess
from pytest_rawrxd.rig.target.service import (
    AttachedService,
    Change,
    CommandService,
    can_limit_memory,
    filled,
    limit_memory,
    weights_on,
)


def attached(run, **more):
    names = {"start_hook": ("start",), "stop_hook": ("stop", "it"), "pid_hook": ("pid",)} | more
    return AttachedService(**names, environ={}, base_url="http://127.0.0.1:9", info=None, run=run)


def says(text, status=0):
    return lambda command, **_: subprocess.CompletedProcess(command, status, text, "it is broken")


def test_names_in_braces_are_filled_in_and_other_braces_stay():
    assert filled("--port={port} {json}", {"port": "80", "model": "m"}) == "--port=80 {json}"


def test_a_command_gets_its_values_and_the_change_of_the_next_start(tmp_path):
    code = "import os, sys; print(sys.argv[1], os.environ.get('VK_DRIVER_FILES'), flush=True)"
    service = CommandService((sys.executable, "-c", code, "{model}"), {"model": "good"}, dict(os.environ), "", None)

    running = service.start(Change({"VK_DRIVER_FILES": "none"}, model=tmp_path / "bad"))
    assert running.wait(20) == "exit status 0"
    running.close()

    assert running.log == (f"I {tmp_path / 'bad'} none",)


def test_a_command_that_is_not_there_is_trouble_of_the_target():
    service = CommandService(("/no/such/program",), {}, {}, "", None)

    with pytest.raises(RigTrouble, match="the target does not start"):
        service.start(Change())


def test_an_attached_service_is_the_process_that_its_hook_names():
    running = attached(says(f"{os.getpid()}\n")).start(Change())

    assert (running.pid, running.ended()) == (os.getpid(), None)


def test_a_stop_hook_that_returns_early_is_waited_for():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    later = threading.Timer(0.3, child.kill)

    def run(command, **_):
        if command == ["stop", "it"]:
            later.start()
        return subprocess.CompletedProcess(command, 0, str(child.pid), "")

    running = attached(run).start(Change())
    running.close()

    assert running.ended() is not None
    later.join()
    child.communicate()


def test_a_service_that_a_stop_hook_leaves_running_is_trouble():
    running = attached(says(str(os.getpid())), deadline_s=0.1).start(Change())

    with pytest.raises(RigTrouble) as caught:
        running.close()

    assert (caught.value.where, caught.value.found) == ("stop it", f"process {os.getpid()} runs 0.1 s after it")


@pytest.mark.parametrize("said", ["0\n", "", "inactive", str(2**22 + 17)])
def test_an_attached_service_without_a_process_is_waited_for(said):
    assert attached(says(said)).start(Change()) is None


def test_a_hook_that_fails_says_how():
    with pytest.raises(RigTrouble) as caught:
        attached(says("", status=3)).wake()

    assert caught.value.found == "exit status 3: it is broken"


def test_no_fault_changes_how_somebody_else_starts_a_service():
    with pytest.raises(RigTrouble, match="no fault can change how"):
        attached(says("1")).start(Change(memory_limit=1))


@pytest.mark.skipif(not can_limit_memory(), reason="this system limits no process's memory")
def test_a_limit_of_memory_is_the_operating_systems():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        limit_memory(child.pid, 99 << 20)
        assert psutil.Process(child.pid).rlimit(psutil.RLIMIT_DATA) == (99 << 20, 99 << 20)
    finally:
        child.kill()
        child.communicate()


def test_weights_are_where_the_load_log_has_buffers_of_the_model():
    log = (
        "I load_tensors:   CPU_Mapped model buffer size =    29.00 MiB",
        "I load_tensors:      Vulkan0 model buffer size =   116.00 MiB",
        "I llama_kv_cache:    Vulkan0 KV buffer size =    30.00 MiB",
    )

    assert weights_on(log) == {"CPU_Mapped": 29 << 20, "Vulkan0": 116 << 20}


def test_what_a_service_said_first_outlives_a_flood_of_lines():
    """On an H100, 743 requests to a llama-server wrote its 4,000 kept lines full: where its weights lay was gone."""
    program = f"print('load_tensors: weights'); [print('request', n) for n in range({KEPT_LINES})]"
    process = ServiceProcess([sys.executable, "-c", program], environment=dict(os.environ))
    process.wait(60)
    process.close()

    assert process.load_log[0] == "I load_tensors: weights"
    assert len(process.load_log) == LOAD_LINES
    assert len(process.log) == KEPT_LINES
    assert process.log[0] == "I request 0"
