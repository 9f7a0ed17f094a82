"""The supervisor, looked at step by step with its own clock: no process, no waiting."""

import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.target.service import UNCHANGED, Change
from pytest_rawrxd.rig.target.supervisor import Policy, Supervisor

SECOND = 1_000_000_000


class House:
    """A service whose processes do what the test says."""

    base_url = "http://127.0.0.1:9"
    info = None

    def __init__(self, *, owned=True):
        self.owned, self.now, self.changes, self.running, self.answer, self.woken = owned, 0, [], [], None, 0
        self.refuse = False

    def wake(self):
        self.woken += 1

    def start(self, change):
        self.changes.append(change)
        if self.refuse:
            raise RigTrouble("the target does not start", found="no such file")
        self.running.append(Process(len(self.running)))
        return self.running[-1]

    def probe(self, url, *, timeout_s):
        assert url == "http://127.0.0.1:9/health"
        return self.answer


class Process:
    def __init__(self, number):
        # No process has an id this large: what is killed by it is nobody.
        self.pid, self.end, self.closed, self.log = 2**22 + 1000 + number, None, 0, (f"I process {number}",)
        self.load_log = (f"I load {number}",)

    def ended(self):
        return self.end

    def close(self):
        self.closed += 1


def supervised(house, **policy):
    terms = {"ready_path": "/health", "ready_deadline_s": 60.0, "silence_s": 5.0, "restart_wait_s": 1.0} | policy
    return Supervisor(house, Policy(**terms), probe=house.probe, clock=lambda: house.now)


def kinds(supervisor):
    return [event.kind for event in supervisor.events]


def test_a_service_is_started_and_ready_when_its_page_answers_200():
    house = House()
    supervisor = supervised(house)

    supervisor.step()
    supervisor.step()
    assert (kinds(supervisor), supervisor.ready) == (["started"], False)

    house.answer = (503, b"loading")
    supervisor.step()
    assert not supervisor.ready

    house.answer = (200, b"")
    supervisor.step()
    assert (kinds(supervisor), supervisor.ready) == (["started", "ready"], True)


def test_a_process_that_ends_is_started_again_after_its_wait_and_not_before():
    house = House()
    supervisor = supervised(house)
    supervisor.step()
    house.running[0].end = "signal SIGKILL"

    supervisor.step()
    assert supervisor.events[-1].said == "signal SIGKILL"
    assert (supervisor.log, supervisor.load_log) == (("I process 0",), ("I load 0",))

    house.now = SECOND - 1
    supervisor.step()
    assert len(house.running) == 1

    house.now = SECOND
    supervisor.step()
    assert len(house.running) == 2


def test_a_service_that_may_not_restart_stays_away():
    house = House()
    supervisor = supervised(house, restart=False)
    supervisor.step()
    house.running[0].end = "exit status 1"
    supervisor.step()
    house.now = 100 * SECOND

    supervisor.step()

    assert len(house.running) == 1


@pytest.mark.parametrize(("waited_s", "silent"), [(5.0, False), (5.001, True)])
def test_silence_of_a_ready_service_ends_it_once_it_is_longer_than_allowed(waited_s, silent):
    house = House()
    supervisor = supervised(house)
    supervisor.step()
    house.answer = (200, b"")
    supervisor.step()
    house.answer, house.now = None, round(waited_s * SECOND)

    supervisor.step()

    assert ("silent" in kinds(supervisor)) is silent
    assert house.running[0].closed == int(silent)


def test_a_service_that_loads_has_the_time_of_a_start_and_not_of_a_silence():
    house = House()
    supervisor = supervised(house)
    supervisor.step()
    house.now = 59 * SECOND
    supervisor.step()
    assert kinds(supervisor) == ["started"]

    house.now = 61 * SECOND
    supervisor.step()
    assert kinds(supervisor) == ["started", "silent"]


def test_a_change_reaches_the_next_start_only():
    house = House()
    supervisor = supervised(house)
    supervisor.step()
    supervisor.change = Change(environ={"GGML_VK_VISIBLE_DEVICES": ""})
    supervisor.restart()
    supervisor.step()

    assert house.changes == [UNCHANGED, Change(environ={"GGML_VK_VISIBLE_DEVICES": ""})]
    assert kinds(supervisor) == ["started", "stopped", "started"]
    assert house.running[0].closed == 1


def test_a_start_that_is_refused_is_noted_and_tried_again_after_the_wait():
    house = House()
    house.refuse = True
    supervisor = supervised(house)
    supervisor.step()
    supervisor.step()
    assert [event.said for event in supervisor.events] == ["the target does not start: no such file"]

    house.refuse, house.now = False, SECOND
    supervisor.step()
    assert kinds(supervisor) == ["refused", "started"]


def test_a_silent_service_of_somebody_else_is_noted_once_and_left_alone():
    house = House(owned=False)
    supervisor = supervised(house)
    supervisor.step()
    house.answer = (200, b"")
    supervisor.step()
    house.answer, house.now = None, 9 * SECOND

    supervisor.step()
    supervisor.step()

    assert kinds(supervisor) == ["started", "ready", "silent"]
    assert house.running[0].closed == 0


def ending(supervisor, house, times, said="signal SIGILL"):
    for _ in range(times):
        supervisor.step()
        house.running[-1].end = said
        supervisor.step()
        house.now += SECOND


def test_a_service_that_only_ever_ends_is_not_waited_for():
    house = House()
    supervisor = supervised(house)
    ending(supervisor, house, 2)
    house.now = 0
    waited = iter([0, 61 * SECOND])
    supervisor._clock = lambda: next(waited, 61 * SECOND)
    assert not supervisor.wait_ready(deadline_s=60)  # two ends: it waited until the deadline
    assert next(waited, None) is None

    supervisor._clock = lambda: house.now
    house.now = 5 * SECOND
    ending(supervisor, house, 1)

    assert not supervisor.wait_ready(deadline_s=60)  # with a clock that stands still, only giving up ends this
    assert kinds(supervisor).count("ended") == 3


def test_a_service_that_was_ready_once_is_waited_for_whatever_ended_since():
    house = House()
    supervisor = supervised(house)
    supervisor.step()
    house.answer = (200, b"")
    supervisor.step()
    ending(supervisor, house, 3)
    supervisor.step()
    supervisor.step()

    assert supervisor.wait_ready(deadline_s=0.0)
