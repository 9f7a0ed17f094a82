"""Lanes that begin together: nobody begins alone, and nobody waits for one that will not come."""

import pytest

from pytest_rawrxd.errors import Absent
from pytest_rawrxd.rig.rendezvous import Rendezvous


class Hall:
    """Two lanes in one process: what the other does happens while the one sleeps."""

    def __init__(self, folder):
        self.folder, self.now, self.slept, self.meanwhile = folder, 0, 0, []
        self.alive = {0, 1}

    def lane(self, number):
        return Rendezvous(
            self.folder, number, 2, is_alive=self.alive.__contains__, sleep=self.sleep, now_ns=lambda: self.now
        )

    def sleep(self, seconds):
        self.now += round(seconds * 1e9)
        self.slept += 1
        if self.meanwhile:
            self.meanwhile.pop(0)()


@pytest.fixture
def hall(tmp_path):
    return Hall(tmp_path / "hall")


def test_a_lane_waits_until_the_other_has_come_to_the_same(hall):
    other = hall.lane(1)
    hall.meanwhile = [lambda: None, lambda: other._say("run-2", 1), lambda: other._say("run-1", 1)]

    hall.lane(0).meet("run-1", wait_s=60)

    assert hall.slept == 3
    other.meet("run-1", wait_s=60)
    assert hall.slept == 3, "who comes last waits for nobody"


@pytest.mark.parametrize("leaving", ["dies", "goes on"])
def test_one_that_will_not_come_is_not_waited_for(hall, leaving):
    hall.meanwhile = [lambda: hall.alive.discard(1) if leaving == "dies" else hall.lane(1).leave()]

    with pytest.raises(Absent, match="lane 1 did not come") as told:
        hall.lane(0).meet("run-1", wait_s=60)

    assert hall.slept == 1
    assert told.value.found == "it died or went on"


def test_one_that_came_and_then_died_has_come(hall):
    hall.lane(1)._say("run-1", 1)
    hall.alive.discard(1)

    hall.lane(0).meet("run-1", wait_s=60)

    assert hall.slept == 0


def test_nobody_waits_for_ever(hall):
    with pytest.raises(Absent) as told:
        hall.lane(0).meet("run-1", wait_s=0.02)

    assert told.value.found == "not within 0.02 s"
    assert hall.slept == 5


def test_who_outlasts_the_others_waits_for_the_one_in_the_place_of_a_dead_one(hall):
    """It ends without a word, another one takes its place, and that one leaves."""
    ended = []

    def until_ended(lane):
        ended.append(lane)
        hall.alive.discard(lane)
        if len(ended) == 1:
            hall.meanwhile = [lambda: None, lambda: hall.alive.add(lane)]
        else:
            hall.lane(lane).leave()

    hall.lane(0).outlast(until_ended, back_within_s=60)

    assert (ended, hall.slept) == ([1, 1], 2)


def test_one_that_left_is_not_expected_back_and_a_dead_one_not_for_ever(hall):
    hall.lane(1).leave()
    hall.alive.discard(1)
    hall.lane(0).outlast(lambda _lane: None, back_within_s=60)
    assert hall.slept == 0

    (hall.folder / "left-1").unlink()
    hall.lane(0).outlast(lambda _lane: None, back_within_s=0.02)
    assert hall.slept == 5
