"""The ceiling of a decoding CPU is the most that its memory was seen to read, before the cells or after them."""

import pytest

from pytest_rawrxd.measure.bandwidth import AGAIN
from pytest_rawrxd.verdict.audit import audit
from pytest_rawrxd.verdict.cell import measured_bandwidth

SEEN = 60e9  #: what `book.machine` read at the beginning


@pytest.fixture
def book(opened):
    """Q4_K decodes at 92 GB/s, which 60 GB/s with its margin of a quarter does not allow."""
    book = opened("rx7800xt", backend="cpu")
    book.machine()
    book.model("Q4_K")
    book.run("Q4_K", 20.0)
    return book


def impossible(book):
    return "V-PHYSICS" in {breach.violation.rule.id for breach in audit(book.evidence())}


@pytest.mark.parametrize(
    ("again", "ceiling", "caught"),
    [
        ([], SEEN, True),
        ([80e9], 80e9, False),  # what ran beside the first reading was over by then
        ([40e9], SEEN, True),  # a smaller reading takes nothing back
        ([40e9, 70e9], 70e9, True),  # 92 of 89 GB/s
    ],
)
def test_the_most_that_was_read_is_the_ceiling(book, again, ceiling, caught):
    for read in again:
        book.record(AGAIN, bytes_per_s=read)

    assert measured_bandwidth(book.evidence().of, on_cpu=True) == ceiling
    assert impossible(book) is caught


def test_another_session_has_seen_it_too(book):
    book.session("s002")
    book.record("machine", read_bandwidth={"bytes_per_s": 90e9}, device_bandwidth=None, llc_bytes=32 << 20, gpus=[])

    assert measured_bandwidth(book.evidence().of, on_cpu=True) == 90e9


def test_a_device_has_its_own_ceiling(book):
    book.record(AGAIN, bytes_per_s=900e9)

    assert measured_bandwidth(book.evidence().of, on_cpu=False) == 560e9


def test_without_a_machine_nothing_is_known(opened):
    for on_cpu in (True, False):
        assert measured_bandwidth(opened("rx7800xt").evidence().of, on_cpu=on_cpu) is None
