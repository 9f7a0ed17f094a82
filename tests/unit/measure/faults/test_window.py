"""A window's schedule, and the order in which a fault is injected, proven and undone; the clock is the test's."""

from dataclasses import replace

import numpy as np
import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.faults.terms import LEAD_S, FaultTerms, Surroundings, flood_plan, window_plan
from pytest_rawrxd.measure.faults.window import do_fault
from pytest_rawrxd.rig.faults.fault import Proof
from pytest_rawrxd.rig.server.target import HttpTarget

TARGET = HttpTarget("llama-server", "http://127.0.0.1:9")
TERMS = FaultTerms(
    kinds=("process_crash",),
    drills=(),
    injections=6,
    requests=60,
    streams=4,
    tokens=12,
    texts=("a text",),
    prompt_tokens=16,
    window_s=12.0,
    retries=1,
    retry_after_s=3.0,
    hold_s=2.0,
    deadline_s=30.0,
    ready_s=60.0,
    queue=30,
    seed=1,
)


class Time:
    def __init__(self):
        self.ns = 0

    def pause(self, seconds):
        self.ns += round(seconds * 1e9)


def around(time):
    return Surroundings(sink=None, run_load=None, memory=None, about={}, clock=lambda: time.ns, pause=time.pause)


class Fault:
    """Shows its effect ``after`` so many looks."""

    def __init__(self, after=0, trouble=None):
        self.after, self.trouble, self.done = after, trouble, []

    def inject(self):
        self.done.append("inject")
        if self.trouble:
            raise self.trouble

    def proof(self):
        self.after -= 1
        return Proof(self.after < 0, "seen" if self.after < 0 else "not seen")

    def undo(self):
        self.done.append("undo")


def test_every_stream_is_busy_at_the_injection_and_the_rest_is_spread_over_the_window():
    plan = window_plan(TERMS, TARGET, 0)
    seconds = plan.pace.offsets_ns / 1e9

    assert plan.requests == 10
    assert np.count_nonzero(seconds == LEAD_S) == 4
    assert seconds[4:].min() > LEAD_S
    assert seconds.max() < LEAD_S + 12.5
    assert np.ptp(np.diff(seconds[4:])) < 1e-6
    assert (plan.retries, plan.retry_after_s, plan.keep_bytes) == (1, 3.0, True)


def test_windows_have_prompts_of_their_own_and_never_fewer_requests_than_streams():
    assert window_plan(TERMS, TARGET, 0).seed != window_plan(TERMS, TARGET, 1).seed
    assert window_plan(replace(TERMS, requests=6), TARGET, 0).requests == 4


def test_a_flood_is_all_at_one_instant_and_nobody_retries():
    plan = flood_plan(TERMS, TARGET)

    assert (plan.requests, plan.retries) == (34, 0)
    assert np.ptp(plan.pace.offsets_ns) == 0


def test_a_fault_is_undone_as_soon_as_it_has_shown_its_effect():
    time, fault, held = Time(), Fault(after=3), []

    done = do_fault(fault, around(time), 60.0, while_held=[lambda: held.append(list(fault.done))])

    assert done.proof.held
    assert done.undone_ns < 1e9
    assert held == [["inject"]]
    assert fault.done == ["inject", "undo"]


def test_a_fault_that_shows_nothing_is_undone_after_its_time_and_is_not_proven():
    time, fault, held = Time(), Fault(after=10**6), []

    done = do_fault(fault, around(time), 2.0, while_held=[lambda: held.append(1)])

    assert (done.proof, done.proven_ns, held) == (Proof(False, "not seen"), None, [])
    assert done.undone_ns == pytest.approx(2e9, rel=0.05)
    assert fault.done == ["inject", "undo"]


def test_a_fault_that_cannot_be_injected_here_says_why_and_is_not_proven():
    fault = Fault(trouble=RigTrouble("this system has no device that is always full"))

    done = do_fault(fault, around(Time()), 2.0)

    assert not done.proof.held
    assert "always full" in done.trouble
    assert fault.done == ["inject", "undo"]
