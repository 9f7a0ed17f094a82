"""Tests that have not ended: going on in another lane, or left behind by a process that died."""

import pytest

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.unfinished import BEGUN, TEST, going_on, unfinished


@pytest.fixture
def told(book):
    """Records of tests, one after the other, and what is known of them then."""

    def tell(*said):
        for test, lane, why in said:
            book.record(TEST, test=test, criteria=["X"], lane=lane, why=why)
        return Evidence.read(book.path)

    book.record("session.start")
    return tell


def test_each_lane_is_in_the_middle_of_the_test_that_it_began_last(told):
    assert going_on(told(("a", 0, BEGUN), ("b", 1, BEGUN))) == {"a", "b"}
    assert going_on(told(("a", 0, None))) == {"b"}


def test_a_test_whose_lane_has_begun_another_one_died(told):
    evidence = told(("a", 0, BEGUN), ("b", 0, BEGUN))

    assert going_on(evidence) == {"b"}
    found, _ = unfinished(evidence, "X", running=going_on(evidence))
    assert found.verdict is Verdict.INVALID
    assert found.reason == f"a did not finish: {BEGUN}"


def test_no_test_of_an_earlier_session_is_going_on(told, book):
    told(("a", 0, BEGUN))
    book.session("s002")
    book.record("session.start")

    assert going_on(Evidence.read(book.path)) == frozenset()


def test_what_is_going_on_spoils_nothing_until_nobody_is_left_to_end_it(told):
    evidence = told(("a", 0, None), ("b", 1, BEGUN))

    assert unfinished(evidence, "X", running=going_on(evidence)) is None
    assert unfinished(evidence, "X")[0].verdict is Verdict.INVALID
    assert unfinished(evidence, "Y") is None


def test_a_test_that_ended_with_a_reason_is_not_going_on(told):
    evidence = told(("a", 0, "Invalid: x"))

    assert going_on(evidence) == frozenset()
    assert unfinished(evidence, "X", running=going_on(evidence))[0].reason == "a did not finish: Invalid: x"
