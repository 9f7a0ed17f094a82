"""From token instants to gaps, the full window and the three views."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.gaps import Window, block_of, full_window, inside, request_rates, token_gaps, views

OFFSETS = [0, 4, 7]
STAMPS = [100, 130, 140, 150, 90, 100, 125]


def test_the_first_interval_of_each_stream_is_dropped() -> None:
    found = token_gaps(OFFSETS, STAMPS)

    assert found.gap_ns.tolist() == [10, 10, 25]
    assert found.end_ns.tolist() == [140, 150, 125]
    assert found.request.tolist() == [0, 0, 1]
    assert found.coalesced == 0


def test_tokens_of_one_read_count_each_with_the_wait_for_it() -> None:
    found = token_gaps([0, 6, 8], [10, 20, 55, 55, 55, 60, 60, 70])

    assert found.coalesced == 2
    assert found.gap_ns.tolist() == [35, 35, 35, 5]


def test_tokens_that_came_with_the_first_one_have_no_wait_between_tokens() -> None:
    found = token_gaps([0, 4], [10, 10, 10, 30], drop=0)

    assert (found.coalesced, found.gap_ns.tolist()) == (2, [20])


def test_the_three_views_do_not_mix() -> None:
    found = views(token_gaps(OFFSETS, STAMPS, drop=0))

    assert found.pooled.tolist() == [30, 10, 10, 10, 25]
    assert found.request_mean.tolist() == pytest.approx([50 / 3, 17.5])
    assert found.request_longest.tolist() == [30, 25]


def test_the_window_begins_when_all_streams_run_and_ends_when_one_is_missing_for_good() -> None:
    found = full_window([0, 10, 20, 60], [60, 100, 90, 120], streams=3)

    assert found == Window(20, 90, 1.0)


def test_a_slot_is_refilled_when_it_becomes_free() -> None:
    at_once = full_window([0, 0, 0, 0], [50, 60, 100, 110], streams=2)

    assert at_once == Window(0, 100, 1.0)


def test_dips_between_requests_stay_in_the_window_and_are_told() -> None:
    found = full_window([0, 0, 60], [50, 100, 100], streams=2)

    assert found == Window(0, 100, 0.9)
    assert full_window([0, 100], [50, 150], streams=2) is None


def test_only_gaps_inside_the_window_count() -> None:
    gaps = token_gaps([0, 5], [0, 10, 20, 30, 40], drop=0)

    assert inside(gaps, Window(10, 30, 1.0)).end_ns.tolist() == [20, 30]


def test_the_rest_after_the_last_whole_block_belongs_to_it() -> None:
    stamps = np.arange(0, 151, 10) * 1_000_000_000
    gaps = token_gaps([0, stamps.size], stamps, drop=0)

    found = block_of(gaps, Window(0, 150_000_000_000, 1.0), first=10)

    assert found.tolist() == [10] * 5 + [11] * 10


def test_a_request_rate_leaves_the_first_token_out() -> None:
    assert request_rates([0, 3], [5_000_000_000, 6_000_000_000, 7_000_000_000]).tolist() == [1.0]


@pytest.mark.parametrize(
    ("offsets", "stamps", "words"),
    [
        ([0, 3], [10, 9, 11], "earlier than the one before"),
        ([0, 2], [10, 11, 12], "do not fit"),
        ([0, 3], [1.0, 2.0, 3.0], "whole nanoseconds"),
        ([1, 3], [1, 2, 3], "do not fit"),
    ],
)
def test_impossible_instants_are_named_errors(offsets: list[int], stamps: list[int], words: str) -> None:
    with pytest.raises(EvidenceProblem, match=words):
        token_gaps(offsets, stamps)


def test_a_request_without_two_instants_has_no_rate() -> None:
    with pytest.raises(EvidenceProblem, match="two tokens"):
        request_rates([0, 1], [5])
    with pytest.raises(EvidenceProblem, match="no time"):
        request_rates([0, 2], [5, 5])
    with pytest.raises(EvidenceProblem, match="ends before"):
        full_window([5], [4], streams=1)
