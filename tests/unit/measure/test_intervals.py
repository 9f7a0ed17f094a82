"""What each token waited, also where one read brought several."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pytest_rawrxd.measure.intervals import token_intervals


def test_the_tokens_of_one_read_all_waited_for_it():
    found = token_intervals(np.array([0, 5, 7]), np.array([10, 30, 30, 30, 34, 34, 40]))

    assert found.gap_ns.tolist() == [0, 20, 20, 20, 4, 0, 6]
    assert found.position.tolist() == [0, 1, 2, 3, 4, 0, 1]
    assert found.request.tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert found.shared.tolist() == [False, False, True, True, False, False, False]


def test_what_came_with_the_first_token_waited_between_no_two_tokens():
    found = token_intervals(np.array([0, 3]), np.array([10, 10, 30]))

    assert (found.position.tolist(), found.gap_ns.tolist()) == ([0, 0, 2], [0, 0, 20])


def test_no_request_is_no_interval():
    assert token_intervals(np.array([0]), np.empty(0, np.int64)).gap_ns.size == 0


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), min_size=2, max_size=60))
def test_reading_tokens_together_never_makes_a_wait_look_shorter(tokens):
    sent = np.cumsum([wait for wait, _ in tokens])
    read = sent.copy()
    for at in range(len(tokens) - 2, -1, -1):  # read late: with the token after it
        read[at] = read[at + 1] if tokens[at][1] else sent[at]

    found = token_intervals(np.array([0, sent.size]), read)

    later = found.position > 0
    assert (found.gap_ns[later] >= np.diff(sent, prepend=0)[later]).all()
    assert found.shared.sum() == sum(together for _, together in tokens[:-1])
