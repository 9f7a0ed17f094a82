"""Telemetry of real parts: a process of this machine, its Vulkan loader, and a monitor that is not there."""

import os
import subprocess
import sys

import pytest

from pytest_rawrxd.rig.gpu.detect import WINDOWS_REGISTRY, Gpu
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.rig.vulkan import read_vulkan
from pytest_rawrxd.rig.vulkan_child import load

HELD = 64 << 20
CHILD = f"held = bytearray({HELD}); print('ready', flush=True)\nwhile True: pass"


@pytest.fixture
def busy():
    """A process that holds memory and computes until the test is over."""
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


def test_a_process_is_seen_with_its_memory_and_its_share_of_the_processor(busy):
    with open_probes((busy.pid,), gpu=None, own_pids=(os.getpid(),)) as telemetry:
        readings = [telemetry.read() for _ in range(2000)]

    assert all(values["resident_bytes"] > HELD for values in readings)
    # CPU counters tick each 10 ms: between most of these readings none of them moved.
    assert max(values["process_cpu_percent"] or 0 for values in readings) > 0
    assert readings[0]["process_cpu_percent"] is None


def test_a_process_that_ended_has_no_values(busy):
    with open_probes((busy.pid,), gpu=None) as telemetry:
        busy.kill()
        busy.wait()

        assert telemetry.read()["resident_bytes"] is None


def test_the_loader_of_this_machine_tells_its_version():
    try:
        load()
    except OSError as error:
        pytest.skip(str(error))

    assert int(read_vulkan(os.environ).loader.split(".")[0]) >= 1


@pytest.mark.skipif(sys.platform == "win32", reason="there the monitor may run")
def test_a_radeon_on_another_system_than_its_own_has_reasons_for_every_signal():
    radeon = Gpu("AMD Radeon RX 7800 XT", "pci#0000", 16 << 30, None, WINDOWS_REGISTRY)
    with open_probes((), gpu=radeon) as telemetry:
        missing = {each.signal.name: each.why_not for each in telemetry.readings if each.signal.of == "device"}

    assert all(why and "LibreHardwareMonitor" in why for why in missing.values())
