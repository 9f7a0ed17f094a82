"""The journal: what is kept while a disk takes nothing, and what is said about it."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.histogram import record
from pytest_rawrxd.measure.soak.journal import Journal, Tally
from pytest_rawrxd.measure.soak.latencies import Answers, gaps_of, packed, unpacked


class Disk:
    """A sink that is full while ``full`` says so."""

    def __init__(self):
        self.full, self.kept = False, []

    def record(self, kind, data, arrays=None):
        if self.full:
            raise EvidenceProblem("the ledger cannot be written", found="[Errno 28] No space left on device")
        self.kept.append((kind, data))
        return str(len(self.kept))


def checkpoints(disk):
    return [data["number"] for kind, data in disk.kept if kind == "soak.checkpoint"]


def test_records_wait_in_order_while_the_disk_is_full_and_follow_when_it_is_not():
    disk, warnings = Disk(), []
    journal = Journal(disk, Tally(), warn=warnings.append)
    for number, full in ((1, False), (2, True), (3, True), (4, False)):
        disk.full = full
        journal.write("soak.checkpoint", float(number), number=number, line="")

    assert checkpoints(disk) == [1, 2, 3, 4]
    assert len(warnings) == 2
    assert "THE JOURNAL CANNOT BE WRITTEN" in warnings[0]
    assert [data["lost"] for kind, data in disk.kept if kind == "soak.unwritten"] == [0]


def test_what_the_waiting_room_cannot_hold_is_lost_and_counted():
    disk, tally = Disk(), Tally()
    journal = Journal(disk, tally, warn=lambda _: None, room=3)
    disk.full = True
    for number in range(1, 6):
        journal.write("soak.checkpoint", float(number), number=number, line="")
    disk.full = False
    journal.write("soak.checkpoint", 6.0, number=6, line="")

    assert checkpoints(disk) == [4, 5, 6]
    assert tally.lost_records == 3


def test_a_soak_that_ends_with_a_full_disk_says_what_it_lost():
    disk, warnings = Disk(), []
    journal = Journal(disk, Tally(), warn=warnings.append)
    disk.full = True
    journal.write("soak.checkpoint", 7.0, number=1, line="")
    journal.close(8.0)

    assert "1 records of the soak never reached the disk, the first of 7.0 s" in warnings[-1]


def test_a_block_survives_the_ledger_bit_for_bit():
    gaps = np.random.default_rng(1).integers(1_000_000, 90_000_000, 5000)
    blocks = [record(gaps, block=number, bounds_ns=[13_000_000, 50_000_000]) for number in (3, 4)]

    found = unpacked([packed(block) for block in blocks])

    assert found.blocks.tolist() == [3, 4]
    assert np.array_equal(found.dense(), 2 * blocks[0].dense())
    assert found.over.tolist() == [blocks[0].over[0].tolist()] * 2


@pytest.mark.parametrize(
    "spoil", [{"entries": "!!"}, {"entries": "AAAA"}, {"totals": [1]}, {"bounds_ns": [7]}], ids=str
)
def test_a_block_that_was_tampered_with_is_refused(spoil):
    good = packed(record([2_000_000, 3_000_000], block=1, bounds_ns=[50_000_000]))

    with pytest.raises(EvidenceProblem):
        unpacked([good, {**good, **spoil}])


def answers(streams, tokens, gap_ns):
    """Each of twice as many requests as streams, one after the other in its slot."""
    begins = np.repeat([0, tokens * gap_ns], streams)
    stamps = begins[:, np.newaxis] + gap_ns * np.arange(1, tokens + 1)
    return Answers(
        begins,
        stamps[:, -1],
        np.arange(2 * streams + 1) * tokens,
        stamps.ravel(),
        np.ones(2 * streams, np.bool_),
        {"length": 2 * streams},
    )


def test_gaps_count_while_every_stream_is_busy_without_the_first_of_each_request():
    gaps, _ = gaps_of(answers(3, 5, 10), streams=3)

    assert gaps.tolist() == [10] * (6 * 3)


def test_gaps_before_the_last_slot_was_taken_do_not_count():
    late = answers(2, 5, 10)
    late.submitted_ns[1] = 30

    gaps, _ = gaps_of(late, streams=2)

    assert gaps.size < 4 * 3


def test_tokens_that_share_an_instant_are_counted():
    together = answers(2, 4, 10)
    together.stamps_ns[2] = together.stamps_ns[1]

    assert (together.coalesced, answers(2, 4, 10).coalesced) == (1, 0)
