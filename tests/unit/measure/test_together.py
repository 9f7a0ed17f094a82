"""All lanes load at once, or what is missing is said: no lane waits for one whose engine had trouble."""

import pytest

from pytest_rawrxd.errors import Absent
from pytest_rawrxd.measure.levels import FLEET, Level
from pytest_rawrxd.measure.together import MISSING, load_together

RUNS = {Level(12, FLEET): 3}


class Meeting:
    """Every lane comes to every step but ``lacking``."""

    def __init__(self, lacking=None):
        self.lacking, self.steps = lacking, []

    def meet(self, step, *, wait_s):
        assert wait_s > 0
        self.steps.append(step)
        if step == self.lacking:
            raise Absent("lane 1 did not come", found="it died or went on")


class Book:
    def __init__(self):
        self.records = []

    def record(self, kind, data, arrays=None):
        self.records.append((kind, data))
        return "id"


def measure(begun, fails=()):
    """As the bench measures: an engine that fails before its load begins leaves the beginning out."""

    def levels(runs, *, begin):
        for level, count in runs.items():
            for run in range(1, count + 1):
                if run not in fails:
                    begin(level, run)
                    begun.append(run)

    return levels


@pytest.mark.parametrize(("fails", "steps"), [((), [0, 1, 2, 3]), ((2,), [0, 2, 3]), ((1, 2, 3), [3])])
def test_each_run_is_a_step_and_so_is_that_all_are_kept(fails, steps):
    meeting, book, begun = Meeting(), Book(), []

    load_together(RUNS, measure(begun, fails), meeting, book)

    assert meeting.steps == steps
    assert book.records == []


@pytest.mark.parametrize(("lacking", "begun_before", "run"), [(0, [], 1), (1, [1], 2), (3, [1, 2, 3], 3)])
def test_a_lane_that_does_not_come_ends_it_and_is_said(lacking, begun_before, run):
    book, begun = Book(), []

    load_together(RUNS, measure(begun), Meeting(lacking), book)

    assert begun == begun_before
    why = "lane 1 did not come: it died or went on"
    assert book.records == [(MISSING, {"streams": 12, "run": run, "why": why})]
