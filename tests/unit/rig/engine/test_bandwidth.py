"""Bandwidth of a device: the child's figures, or why there are none."""

import subprocess

import pytest

from pytest_rawrxd.rig.engine.bandwidth import device_bandwidth


def ended(status, stdout="", stderr=""):
    calls = []

    def run(command, **options):
        calls.append((command, options))
        return subprocess.CompletedProcess(command, status, stdout, stderr)

    run.calls = calls
    return run


def test_the_figures_are_the_last_line_that_the_child_prints():
    run = ended(0, 'a library says hello\n{"bytes_per_s": 5.6e11, "device": "Vulkan0"}\n')

    found = device_bandwidth("llama-cpp-python", "Vulkan0", environ={"SECRET_TOKEN": "x"}, run=run)

    assert found.figures == {"bytes_per_s": 5.6e11, "device": "Vulkan0"}
    [(command, options)] = run.calls
    assert command[-1] == "Vulkan0"
    assert "SECRET_TOKEN" not in options["env"]


@pytest.mark.parametrize(
    ("status", "stderr", "says"),
    [
        (3, "", "exit status 3: not enough free memory"),
        (1, "Traceback\nOSError: no libvulkan\n", "exit status 1: OSError: no libvulkan"),
    ],
)
def test_a_child_that_fails_leaves_its_last_words(status, stderr, says):
    found = device_bandwidth("llama-cpp-python", environ={}, run=ended(status, "null\n", stderr))

    assert found.figures is None
    assert found.reason == says


def test_a_child_that_hangs_is_no_number():
    def hang(command, *, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    assert "no result after 300 s" in device_bandwidth("llama-cpp-python", environ={}, run=hang).reason


def test_another_engine_cannot_be_asked():
    found = device_bandwidth("server:http://localhost", environ={}, run=ended(0))

    assert found.figures is None
    assert "not server:http://localhost" in found.reason
