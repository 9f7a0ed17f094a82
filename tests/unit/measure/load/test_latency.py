import dataclasses

import numpy as np
import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.load.arrays import ABSENT, pack
from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.measure.load.latency import (
    coalesced,
    end_to_end_ms,
    first_token_ms,
    most_open,
    send_lag_ms,
    token_counts,
)
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.response import Finish, Reply

MS = 1_000_000


def request(number, intended, sent, stamps, ended, *, tokens=1, failure=Failure.NONE, reported=None, ids=None):
    kept = Exchange(number, intended * MS, sent * MS, ended * MS, 200)
    reply = Reply(
        stamps_ns=np.array(stamps, np.int64) * MS,
        tokens=np.full(len(stamps), tokens, np.int32),
        token_ids=None if ids is None else np.arange(ids, dtype=np.int32),
        reported_tokens=reported,
        prompt_tokens=None,
        cached_tokens=None,
        engine_decode_ns=None,
        finish=Finish.LENGTH,
        failure=failure,
    )
    return kept, reply


def arrays(*rows):
    return pack(rows, keep_bytes=False)


def test_latency_counts_from_the_instant_at_which_a_request_was_due():
    run = arrays(request(0, 100, 130, [150, 160], 165))

    assert end_to_end_ms(run).tolist() == [65.0]
    assert first_token_ms(run).tolist() == [50.0]
    assert send_lag_ms(run).tolist() == [30.0]


def test_a_failed_request_waits_for_ever_even_with_tokens():
    run = arrays(request(0, 0, 0, [1], 2), request(1, 0, 1, [3], 4, failure=Failure.TRUNCATED))

    assert end_to_end_ms(run).tolist() == [2.0, np.inf]
    assert first_token_ms(run).tolist() == [1.0, np.inf]


def test_a_server_that_replies_once_has_no_time_to_first_token():
    with pytest.raises(EvidenceProblem, match="no token instant"):
        first_token_ms(arrays(request(7, 0, 0, [], 9)))


def test_a_chunk_of_two_tokens_is_seen():
    assert coalesced(arrays(request(0, 0, 0, [1, 2], 3))) == 0
    assert coalesced(arrays(request(0, 0, 0, [1, 2], 3, tokens=2))) == 2


@pytest.mark.parametrize(
    ("reported", "ids", "disagreeing"), [(2, 2, 0), (3, 2, 1), (2, 3, 1), (None, None, 0), (None, 1, 1)]
)
def test_three_counts_agree_or_the_request_is_named(reported, ids, disagreeing):
    counts = token_counts(arrays(request(0, 0, 0, [1, 2], 3, reported=reported, ids=ids)))

    assert (counts.reported, counts.ids, counts.chunks, counts.disagreeing) == (reported, ids, 2, disagreeing)


def test_failed_requests_count_no_tokens():
    counts = token_counts(arrays(request(0, 0, 0, [1], 2, reported=9, failure=Failure.COUNTS_DIFFER)))

    assert (counts.reported, counts.chunks, counts.disagreeing) == (None, 0, 0)


def test_what_is_open_at_once_is_streams_and_queue():
    run = arrays(*(request(number, 0, number, [], 100 - number) for number in range(3)))

    assert most_open(run) == 3


def test_nothing_was_open_in_an_empty_run():
    assert most_open(arrays()) == 0


def test_absent_values_are_no_counts():
    run = arrays(request(0, 0, 0, [1], 2, reported=1), request(1, 0, 1, [2], 3))

    assert run.reported_tokens.tolist() == [1, ABSENT]
    assert token_counts(run).reported is None
    assert token_counts(dataclasses.replace(run, reported_tokens=np.array([1, 1], np.int32))).reported == 2
