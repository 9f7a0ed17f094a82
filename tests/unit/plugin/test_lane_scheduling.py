"""A test runs on the lane of its card, and what a dead worker leaves waits for the one in its place."""

import pytest

from pytest_rawrxd.plugin.card_tests import HOST, lane_named
from pytest_rawrxd.plugin.lane_scheduling import LaneScheduling, queues

TESTS = ["t::a[gpu0]", "t::a[gpu1]", "t::matrix[host]", "t::b[gpu1-Q2_K]", "t::plain", "t::a[gpu2]", "t::b[gpu0-x]"]


class Node:
    def __init__(self, lane):
        self.lane, self.sent, self.shutting_down = lane, [], False

    def send_runtest_some(self, indices):
        self.sent += indices

    def shutdown(self):
        self.shutting_down = True


@pytest.fixture
def scheduled():
    """Two nodes that have collected, each with its tests."""
    scheduling, nodes = LaneScheduling(2, lambda node: node.lane), (Node(0), Node(1))
    for node in nodes:
        scheduling.add_node(node)
    for node in nodes:
        assert not scheduling.collection_is_completed
        scheduling.add_node_collection(node, TESTS)
    scheduling.schedule()
    return scheduling, *nodes


def join(scheduling, lane):
    node = Node(lane)
    scheduling.add_node(node)
    scheduling.add_node_collection(node, TESTS)
    assert scheduling.collection_is_completed
    scheduling.schedule()
    return node


@pytest.mark.parametrize(
    ("test", "lane"),
    [("t::a[gpu0]", 0), ("t::a[gpu12-Q4_K]", 12), ("t::a[Q4_K-gpu1]", 1), ("t::a[host]", HOST), ("t::a", None),
     ("t::a[gpux]", None), ("t::a[hostile]", None), ("t::test_gpu1", None)],
)  # fmt: skip
def test_a_test_says_in_its_name_which_card_it_is_about(test, lane):
    assert lane_named(test) == lane


def test_the_first_lane_takes_what_is_of_no_card_and_last_what_is_of_the_host():
    assert [[TESTS[at] for at in queues(TESTS, 2)[lane]] for lane in (0, 1)] == [
        ["t::a[gpu0]", "t::plain", "t::a[gpu2]", "t::b[gpu0-x]", "t::matrix[host]"],
        ["t::a[gpu1]", "t::b[gpu1-Q2_K]"],
    ]
    assert sorted(queues(TESTS, 1)[0]) == list(range(len(TESTS)))


def test_each_lane_gets_all_of_its_tests_at_once_and_ends_after_them(scheduled):
    scheduling, first, second = scheduled

    assert (len(first.sent), second.sent) == (5, [1, 3])
    assert first.shutting_down
    assert second.shutting_down
    for node in (first, second):
        for index in list(node.sent):
            assert not scheduling.tests_finished
            scheduling.mark_test_complete(node, index)
    assert scheduling.tests_finished
    assert scheduling.remove_node(first) is None


@pytest.mark.parametrize("first_has_ended", [False, True])
def test_the_rest_of_a_dead_lane_is_run_by_the_worker_in_its_place(scheduled, first_has_ended):
    scheduling, first, second = scheduled
    if first_has_ended:
        for index in list(first.sent):
            scheduling.mark_test_complete(first, index)
        scheduling.remove_node(first)

    assert scheduling.remove_node(second) == "t::a[gpu1]"
    assert not scheduling.tests_finished
    third = join(scheduling, 1)

    assert third.sent == [3]
    assert third.shutting_down


def test_a_worker_that_dies_between_two_tests_loses_none(scheduled):
    scheduling, _, second = scheduled
    for index in list(second.sent):
        scheduling.mark_test_complete(second, index)

    assert scheduling.remove_node(second) is None
    assert join(scheduling, 1).sent == []


def test_a_worker_that_collected_other_tests_is_not_given_any(scheduled):
    scheduling, _, second = scheduled
    scheduling.remove_node(second)
    node = Node(1)
    scheduling.add_node(node)
    scheduling.add_node_collection(node, TESTS[1:])

    node.gateway = type("Gateway", (), {"id": "gw2"})
    with pytest.raises(RuntimeError, match="gw2 collected other tests"):
        scheduling.schedule()
