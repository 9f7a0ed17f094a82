"""A server that somebody else started: waited for, told from another one, and its end seen."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from pytest_rawrxd.errors import EngineCrashed, EngineHung, LoadFailed
from pytest_rawrxd.rig.engine.protocol import EngineInfo
from pytest_rawrxd.rig.server.found import FoundRemote
from pytest_rawrxd.rig.server.served import Reached, reach
from pytest_rawrxd.rig.server.target import HttpTarget

INFO = EngineInfo("vLLM", "0.11", "HTTP", "not told", "not told", "")
FOUND = FoundRemote(HttpTarget("openai", "http://127.0.0.1:9/v1"), INFO, pid=None)
OTHER = replace(FOUND, info=replace(INFO, version="0.12"))


def reached(answers, deadline_s=2.0):
    """``reach`` with these answers of ``look`` in turn, one a second."""
    now, left = [0.0], iter(answers)

    def pause(_seconds):
        now[0] += 1.0

    return reach(FOUND, deadline_s=deadline_s, look=lambda _found: next(left), clock=lambda: now[0], pause=pause)


@pytest.mark.parametrize("before", [(), (None,), (None, OTHER)])
def test_a_server_is_reached_as_soon_as_it_answers_as_before(before):
    assert reached([*before, FOUND]).info == INFO


def test_a_server_that_stays_away_hangs():
    with pytest.raises(EngineHung, match="does not answer"):
        reached([None] * 3)


def test_another_engine_at_the_same_address_is_not_measured_in_its_place():
    with pytest.raises(LoadFailed, match="another engine answers"):
        reached([OTHER] * 3)


def test_the_end_of_a_process_on_this_machine_is_a_crash():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    watched = Reached(replace(FOUND, pid=child.pid))
    watched.check()
    child.kill()
    child.communicate()

    with pytest.raises(EngineCrashed, match="ended while it was measured"):
        watched.check()


def test_a_process_that_nobody_sees_is_never_said_to_have_ended():
    Reached(FOUND).check()

    assert Reached(replace(FOUND, pid=os.getpid())).pid == os.getpid()
