"""The end of a process that the suite started."""

import os
import socket
import subprocess
import sys

import psutil
import pytest

from pytest_rawrxd.rig.process import describe_exit, end_tree, listening

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
child.wait()
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"


def started(code):
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    return child, child.stdout.readline()


@pytest.mark.parametrize("ask", [False, True])
def test_a_process_ends_with_what_it_started(ask):
    child, said = started(PARENT)

    with child.stdout:
        end_tree(child, 20, ask=ask)

    assert child.poll() is not None
    grandchild = int(said)
    assert not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE


@pytest.mark.skipif(sys.platform == "win32", reason="on Windows nobody can be deaf to the end")
def test_who_does_not_listen_is_ended_after_half_of_the_time():
    child, _ = started(DEAF)

    with child.stdout:
        end_tree(child, 0.4, ask=True)

    assert describe_exit(child.wait(20)) == "signal SIGKILL"


def test_a_process_that_is_gone_needs_no_end():
    child = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    child.wait(20)

    end_tree(child, 0.1)

    assert child.returncode == 3


def test_who_listens_on_a_port_is_found_and_nobody_is_not():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        assert listening("127.0.0.1", port) is None
        held.listen()

        assert listening("127.0.0.1", port) == listening("localhost", port) == os.getpid()
        assert listening("127.0.0.9", port) is None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "exit status 0"),
        (1, "exit status 1"),
        (0xC0000005, "access violation (0xC0000005)"),
        (0xC0000409, "abort (stack buffer overrun) (0xC0000409)"),
        (-250, "signal 250"),
    ],
)
def test_an_exit_status_is_put_in_words(status, words) -> None:
    assert describe_exit(status) == words


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal 11")
def test_a_signal_is_named() -> None:
    assert describe_exit(-11) == "signal SIGSEGV"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_a_program_for_another_processor_is_told_from_other_deaths():
    assert describe_exit(-4) == "signal SIGILL: it was built for a processor with instructions that this one lacks"
    assert describe_exit(-9) == "signal SIGKILL"
