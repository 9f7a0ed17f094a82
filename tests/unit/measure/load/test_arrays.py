import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.load.arrays import ABSENT, DTYPES, load, merge, pack, save
from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.response import Finish, Reply


def row(number, sent_ns, stamps=(), *, ids=None, failure=Failure.NONE):
    kept = Exchange(number, sent_ns - 1, sent_ns, (stamps[-1] if stamps else sent_ns) + 5, 200)
    kept.chunks, kept.stamps_ns = [b"ab" * (index + 1) for index in range(len(stamps))], list(stamps)
    reply = Reply(
        stamps_ns=np.array(stamps, np.int64),
        tokens=np.ones(len(stamps), np.int32),
        token_ids=None if ids is None else np.array(ids, np.int32),
        reported_tokens=len(stamps) or None,
        prompt_tokens=None,
        cached_tokens=None,
        engine_decode_ns=None,
        finish=Finish.LENGTH,
        failure=failure,
    )
    return kept, reply


ROWS = [row(2, 30, (40, 50), ids=[7, 8]), row(0, 10, (20,)), row(1, 10, (), failure=Failure.UNREACHABLE)]


def same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in DTYPES)


def test_requests_are_in_the_order_of_sending_and_ragged_parts_follow_them():
    arrays = pack(ROWS, keep_bytes=True)

    assert arrays.number.tolist() == [0, 1, 2]
    assert arrays.offsets.tolist() == [0, 1, 1, 3]
    assert arrays.stamps_ns.tolist() == [20, 40, 50]
    assert arrays.id_offsets.tolist() == [0, 0, 0, 2]
    assert arrays.has_ids.tolist() == [0, 0, 1]
    assert arrays.first_byte_ns.tolist() == [20, ABSENT, 40]
    assert arrays.reported_tokens.tolist() == [1, ABSENT, 2]
    assert arrays.chunk_ends.tolist() == [2, 2, 6]
    assert [arrays.body(index) for index in range(3)] == [b"ab", b"", b"ababab"]


def test_bytes_are_left_out_unless_they_are_asked_for():
    arrays = pack(ROWS, keep_bytes=False)

    assert arrays.bodies.size == arrays.chunk_ends.size == arrays.body_offsets.max() == 0
    assert arrays.stamps_ns.tolist() == [20, 40, 50]


def test_no_request_is_a_result_too(tmp_path):
    empty = pack([], keep_bytes=True)
    save(empty, tmp_path / "a.npz")

    assert len(load(tmp_path / "a.npz")) == 0
    assert same(merge([empty, empty]), empty)


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 4), st.integers(0, 2))))
def test_however_the_requests_are_dealt_out_merging_gives_what_one_process_returns(dealt):
    rows = [
        (row(number, sent, tuple(range(100, 100 + chunks)), ids=range(chunks)), process)
        for number, (sent, chunks, process) in enumerate(dealt)
    ]
    parts = [pack([one for one, process in rows if process == which], keep_bytes=True) for which in range(3)]

    assert same(merge(parts), pack([one for one, _ in rows], keep_bytes=True))


def test_a_saved_result_comes_back_as_it_was(tmp_path):
    arrays = pack(ROWS, keep_bytes=True)
    save(arrays, tmp_path / "run.npz")

    assert same(load(tmp_path / "run.npz"), arrays)


def test_a_file_that_is_no_result_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    for content in (b"", b"PK\x03\x04 half a file", b"\x93NUMPY"):
        path.write_bytes(content)
        with pytest.raises(EvidenceProblem):
            load(path)
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(EvidenceProblem, match="no result"):
        load(path)
    np.savez(path, number=np.zeros(1, np.int64))
    with pytest.raises(EvidenceProblem, match="no result"):
        load(path)
    with pytest.raises(EvidenceProblem):
        load(tmp_path / "absent.npz")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("status", np.zeros(3, np.int64), "status is int64"),
        ("status", np.zeros((3, 1), np.int32), "2 dimensions"),
        ("status", np.zeros(2, np.int32), "2 rows of 3"),
        ("offsets", np.array([0, 2, 1, 3]), "no offsets of 3 rows"),
        ("offsets", np.array([1, 1, 1, 3]), "no offsets of 3 rows"),
        ("offsets", np.array([0, 1, 1, 4]), "3 entries, offsets end at 4"),
    ],
)
def test_arrays_that_contradict_each_other_are_refused(tmp_path, name, value, words):
    save(dataclasses.replace(pack(ROWS, keep_bytes=True), **{name: value}), tmp_path / "run.npz")

    with pytest.raises(EvidenceProblem) as caught:
        load(tmp_path / "run.npz")

    assert words in caught.value.found


def test_pickled_content_is_never_loaded(tmp_path):
    path = tmp_path / "run.npz"
    with path.open("wb") as stream:
        np.savez(stream, **{name: np.array([{}], object) for name in DTYPES})

    with pytest.raises(EvidenceProblem, match="no result"):
        load(path)
