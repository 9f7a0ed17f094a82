"""The drill in virtual time, on a real process: who counts as called, and what a control does not forgive."""

import subprocess
import sys
import time
from datetime import UTC, datetime

import psutil
import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.drill import Drill, DrillTerms
from pytest_rawrxd.rig.degrade import frozen, kill
from pytest_rawrxd.rig.monitoring.receiver import Call

TERMS = DrillTerms(
    clean_s=10,
    window_s=5,
    quiet_s=30,
    wait_s={"degrade": 60, "freeze": 60, "kill": 60},
    counts={"degrade": frozenset({"SLA-TPS"}), "freeze": frozenset({"SLA-MTTR"}), "kill": frozenset({"SLA-MTTR"})},
    speeds=(3.0, 1.0),
    stage_s=20,
    health_deadline_s=2,
)


class World:
    """Time that only sleeping moves, alerts that come when ``alarm`` says so, and what was recorded."""

    def __init__(self, alarm, *, standing=False):
        self.now, self.alarm, self.records, self.said = 1000.0, alarm, [], ""
        self.calls = (Call(1, "RawrxdBlind", "critical", "P2-ALERTS", True, 1.0),) if standing else ()
        self.began = {}

    def sleep(self, seconds):
        self.now += seconds

    @property
    def clock(self):
        return Clock(lambda: round(self.now * 1e9), lambda: datetime.fromtimestamp(self.now, UTC), self.sleep)

    def say(self, what):
        self.said = what
        self.began[what] = self.now
        for fault in ("degrading", "freezing", "killing"):
            if fault in what and (found := self.alarm.get(fault)) is not None:
                name, criterion, after_s = found
                at = self.now + after_s
                self.calls += (Call(round(at * 1e9), name, "critical", criterion, True, at),)

    # -- as the receiver and as Prometheus: calls are seen once their time has come

    class _Receiver:
        def __init__(self, world):
            self.world = world

        @property
        def calls(self):
            return tuple(call for call in self.world.calls if call.received_ns <= self.world.now * 1e9)

    def value(self, query):
        if query.startswith("ALERTS"):
            return None
        return 40.0

    def record(self, kind, data, arrays=None):
        self.records.append(data)
        return str(len(self.records))


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait(10)


def run(world, child):
    drill = Drill(TERMS, child.pid, world, World._Receiver(world), lambda: True, world.clock, world, {})
    drill.run(world.say)
    return {record["fault"]: record for record in world.records}


CALLS = {
    "degrading": ("Early", "SLA-TPS", 12.0),
    "freezing": ("Down", "SLA-MTTR", 6.0),
    "killing": ("Down", "SLA-MTTR", 4.0),
}


def test_each_fault_is_recorded_with_its_own_call(child):
    found = run(World(CALLS), child)

    assert list(found) == ["none", "degrade", "freeze", "kill"]
    assert found["none"]["alerts"] == []
    for fault, name in (("degrade", "Early"), ("freeze", "Down"), ("kill", "Down")):
        assert [call["name"] for call in found[fault]["alerts"]] == [name]
    assert found["degrade"]["effect"]["asked_tokens_per_second"] == 3.0
    assert not psutil.pid_exists(child.pid)


def test_a_lesser_degradation_that_calls_nobody_is_followed_by_a_worse_one(child):
    found = run(World({**CALLS, "degrading": ("Early", "SLA-TPS", 30.0)}), child)

    assert found["degrade"]["effect"]["asked_tokens_per_second"] == 1.0
    assert [call["name"] for call in found["degrade"]["alerts"]] == ["Early"]


def test_a_fault_that_nobody_hears_of_is_over_with_its_wait(child):
    found = run(World({**CALLS, "killing": ("Blind", "P2-ALERTS", 4.0)}), child)

    assert [call["name"] for call in found["kill"]["alerts"]] == ["Blind"]
    assert (found["kill"]["ended_ns"] - found["kill"]["began_ns"]) / 1e9 == pytest.approx(60, abs=1)


def test_an_alert_that_has_fired_all_along_is_no_silent_control(child):
    found = run(World(CALLS, standing=True), child)

    assert [call["name"] for call in found["none"]["alerts"]] == ["RawrxdBlind"]
    assert [call["name"] for call in found["freeze"]["alerts"]] == ["Down"], "it is none of a fault's either"


def test_a_probe_that_prometheus_never_sees_breaks_the_drill_off(child):
    world = World(CALLS)
    world.value = lambda query: None

    with pytest.raises(RigTrouble, match="Prometheus sees nothing of the probe"):
        run(world, child)


def comes(condition):
    """Whether ``condition`` holds soon: the system takes its time to deliver a signal."""
    ends = time.monotonic() + 10
    while not condition():
        if time.monotonic() > ends:
            return False
    return True


def test_a_frozen_process_stands_still_and_goes_on(child):
    def stopped():
        return process.status() == psutil.STATUS_STOPPED

    with frozen(child.pid) as process:
        assert comes(stopped)
    assert comes(lambda: not stopped())


def test_a_killed_process_is_gone(child):
    assert kill(child.pid)
    assert not psutil.pid_exists(child.pid)
