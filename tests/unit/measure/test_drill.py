"""The drill in virtual time, on a real process: who counts as called, and what a control does not forgive."""

import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import psutil
import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure import drill
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.drill import DrillTerms
from pytest_rawrxd.measure.throttle import Aim, corrected, first_pace
from pytest_rawrxd.rig.degrade import Pace, Slowed, frozen, kill, slowed
from pytest_rawrxd.rig.monitoring.receiver import Call

TERMS = DrillTerms(
    clean_s=10,
    window_s=5,
    scrape_s=1,
    quiet_s=30,
    wait_s={"degrade": 60, "freeze": 60, "kill": 60},
    counts={"degrade": frozenset({"SLA-TPS"}), "freeze": frozenset({"SLA-MTTR"}), "kill": frozenset({"SLA-MTTR"})},
    early=5.0,
    aims=(Aim(2.0, 3.0, 4.0), Aim(0.5, 1.0, 1.5)),
    stage_s=20,
    health_deadline_s=2,
)


HOLD_S = 6
PANELS = {"SLA-TPS": "a query", "SLA-EMPTY": "one without a value", "SLA-NAN": "nothing by nothing"}


class World:
    """Time that only sleeping moves, alerts that come when ``alarm`` says so, and what was recorded.

    ``speed`` is the server's at an instant; Prometheus sees the mean of a window. With ``rule`` the early warning is
    called for when that mean has been below the terms' for long enough.
    """

    def __init__(self, alarm, *, standing=False, speed=lambda world: 40.0, rule=False):
        self.now, self.alarm, self.records, self.said = 1000.0, alarm, [], ""
        self.speed, self.server, self.rule, self.seen, self.slow_since = speed, None, rule, [], None
        self.calls = (Call(1, "RawrxdBlind", "critical", "P2-ALERTS", True, 1.0),) if standing else ()
        self.began = {}

    def sleep(self, seconds):
        self.now += seconds
        self.seen = [each for each in self.seen if each[0] > self.now - TERMS.window_s] + [(self.now, self.speed(self))]
        slow = self.mean() < TERMS.early
        self.slow_since = (self.slow_since or self.now) if slow else None
        if self.rule and slow and self.now - self.slow_since >= HOLD_S:
            self.calls += (Call(round(self.now * 1e9), "Early", "warning", "SLA-TPS", True, self.now),)

    def mean(self):
        return sum(speed for _, speed in self.seen) / len(self.seen) if self.seen else self.speed(self)

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
        return {"one without a value": None, "nothing by nothing": float("nan")}.get(query, self.mean())

    def record(self, kind, data, arrays=None):
        self.records.append(data)
        return str(len(self.records))


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait(10)


@pytest.fixture
def run(child, monkeypatch):
    def run(world):
        @contextmanager
        def slow(pid, pace):
            world.server = Slowed(pace)
            yield world.server
            world.server = None

        # The clock is the world's: what a real process does in no time says nothing about its speed.
        monkeypatch.setattr(drill, "slowed", slow)
        drill.Drill(TERMS, child.pid, world, World._Receiver(world), lambda: True, world.clock, world, {}, PANELS).run(
            world.say
        )
        return {record["fault"]: record for record in world.records}

    return run


def speeds(record):
    return [look["tokens_per_second"] for look in record["effect"]["looks"]]


def busy(healthy, wasted):
    """A server of ``healthy`` tok/s that loses only what exceeds ``wasted`` of its time: the rest it waits anyway."""

    def speed(world):
        return healthy if world.server is None else healthy * min(1.0, world.server.pace.share / (1 - wasted))

    return speed


CALLS = {
    "degrading": ("Early", "SLA-TPS", 12.0),
    "freezing": ("Down", "SLA-MTTR", 6.0),
    "killing": ("Down", "SLA-MTTR", 4.0),
}


def test_each_fault_is_recorded_with_its_own_call(run):
    found = run(World(CALLS))

    assert list(found) == ["none", "degrade", "freeze", "kill"]
    assert found["none"]["alerts"] == []
    for fault, name in (("degrade", "Early"), ("freeze", "Down"), ("kill", "Down")):
        assert [call["name"] for call in found[fault]["alerts"]] == [name]
    assert found["degrade"]["effect"]["looks"][-1]["asked_tokens_per_second"] == 3.0
    assert speeds(found["none"]) == [40.0] * 4
    assert found["none"]["effect"]["panels"] == {"SLA-TPS": 40.0, "SLA-EMPTY": None, "SLA-NAN": None}


def test_a_lesser_degradation_that_calls_nobody_is_followed_by_a_worse_one(run):
    found = run(World({**CALLS, "degrading": ("Early", "SLA-TPS", 30.0)}, speed=busy(40.0, 0.0)))

    asked = [look["asked_tokens_per_second"] for look in found["degrade"]["effect"]["looks"]]
    assert asked == sorted(asked, reverse=True)
    assert set(asked) == {3.0, 1.0}
    assert [call["name"] for call in found["degrade"]["alerts"]] == ["Early"]


def test_a_fault_that_nobody_hears_of_is_over_with_its_wait(run):
    found = run(World({**CALLS, "killing": ("Blind", "P2-ALERTS", 4.0)}))

    assert [call["name"] for call in found["kill"]["alerts"]] == ["Blind"]
    assert (found["kill"]["ended_ns"] - found["kill"]["began_ns"]) / 1e9 == pytest.approx(60, abs=1)


def test_an_alert_that_has_fired_all_along_is_no_silent_control(run):
    found = run(World(CALLS, standing=True))

    assert [call["name"] for call in found["none"]["alerts"]] == ["RawrxdBlind"]
    assert [call["name"] for call in found["freeze"]["alerts"]] == ["Down"], "it is none of a fault's either"


@pytest.mark.parametrize("wasted", [0.0, 0.5, 0.9, 0.99])
def test_a_busy_machine_is_slowed_until_its_probe_sees_it(run, wasted):
    """It waits for the processor most of its time: standing still for half of it costs nothing."""
    found = run(World({**CALLS, "degrading": None}, speed=busy(40.0, wasted), rule=True))["degrade"]

    assert [call["name"] for call in found["alerts"]] == ["Early"]
    assert 2.0 <= speeds(found)[-1] < 5.0
    assert (found["ended_ns"] - found["began_ns"]) / 1e9 < TERMS.wait_s["degrade"]


@pytest.mark.parametrize("factor", [0.2, 8.0])
def test_a_machine_that_is_busy_only_in_the_control_or_only_afterwards_is_slowed_all_the_same(run, factor):
    def speed(world):
        if world.server is None:
            return 40.0
        return 40.0 * factor * world.server.pace.share

    found = run(World({**CALLS, "degrading": None}, speed=speed, rule=True))["degrade"]

    assert [call["name"] for call in found["alerts"]] == ["Early"]
    assert speeds(found)[-1] < 5.0


def test_a_control_in_which_the_server_is_slow_by_itself_is_taken_again_and_kept(run):
    def speed(world):
        return 4.0 if world.server is not None or 1004 < world.now < 1012 else 40.0

    world = World(CALLS, speed=speed)
    run(world)

    controls = [record for record in world.records if record["fault"] == "none"]
    assert len(controls) == 2
    assert min(speeds(controls[0])) < TERMS.early
    assert min(speeds(controls[1])) >= TERMS.early


def test_a_server_that_is_always_slow_gets_three_controls_and_no_more(run):
    world = World(CALLS, speed=lambda world: 4.9)
    run(world)

    assert [record["fault"] for record in world.records] == ["none"] * 3 + ["degrade", "freeze", "kill"]


def test_a_probe_that_prometheus_never_sees_breaks_the_drill_off(run):
    world = World(CALLS)
    world.value = lambda query: None

    with pytest.raises(RigTrouble, match="Prometheus sees nothing of the probe"):
        run(world)


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


def test_a_slowed_process_runs_and_stands_still_by_turns_and_goes_on(child):
    process = psutil.Process(child.pid)
    with slowed(child.pid, Pace(share=0.5, cycle_s=0.2)) as server:
        for _ in range(2):
            assert comes(lambda: process.status() == psutil.STATUS_STOPPED)
            assert comes(lambda: process.status() != psutil.STATUS_STOPPED)
        server.pace = Pace(share=0.01, cycle_s=0.2)
        assert comes(lambda: process.status() == psutil.STATUS_STOPPED)
    assert comes(lambda: process.status() != psutil.STATUS_STOPPED)


def test_a_pace_is_corrected_towards_its_aim_by_four_times_at_most_and_never_to_a_standstill():
    aim = Aim(2.0, 3.0, 4.0)
    first = first_pace(aim, 30.0, longest_cycle_s=1.5)

    assert (first.share, first.cycle_s) == (pytest.approx(0.1), pytest.approx(0.2))
    assert corrected(first, aim, 6.0, longest_cycle_s=1.5).share == pytest.approx(0.05)
    assert corrected(first, aim, 300.0, longest_cycle_s=1.5).share == pytest.approx(0.025)
    assert corrected(first, aim, None, longest_cycle_s=1.5).share == pytest.approx(0.4)
    assert corrected(Pace(0.9, 0.1), aim, 0.1, longest_cycle_s=1.5).share < 1
    assert first_pace(aim, None, longest_cycle_s=1.5).share == 0.5
    assert [aim.reached(seen) for seen in (None, 1.9, 2.0, 4.0, 4.1)] == [False, False, True, True, False]


def test_a_killed_process_is_gone(child):
    assert kill(child.pid)
    assert not psutil.pid_exists(child.pid)
