"""Frames: what is written is what is read, and anything else is a WireError."""

import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_rawrxd.rig.engine import wire
from pytest_rawrxd.rig.engine.wire import Frame, WireError, encode, read_frame, write_frame

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
arrays = st.sampled_from(wire.DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=5))
)


def written(frame: Frame) -> bytes:
    stream = io.BytesIO()
    write_frame(stream, frame)
    return stream.getvalue()


def raw(header: object, payload: bytes = b"") -> io.BytesIO:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return io.BytesIO(wire.PREFIX.pack(wire.MAGIC, len(text), len(payload)) + text + payload)


@given(st.text(), st.dictionaries(st.text(), plain, max_size=3), st.dictionaries(st.text(), arrays, max_size=3))
def test_a_frame_reads_back_as_it_was_written(kind, body, named) -> None:
    stream = io.BytesIO(written(Frame(kind, body, named)) * 2)

    for _ in range(2):
        frame = read_frame(stream)
        assert frame is not None
        assert (frame.kind, frame.body) == (kind, body)
        assert frame.arrays.keys() == named.keys()
        for name, array in named.items():
            assert frame.arrays[name].dtype == array.dtype
            assert frame.arrays[name].shape == array.shape
            assert frame.arrays[name].tobytes() == array.tobytes()
    assert read_frame(stream) is None


def test_a_column_of_a_larger_array_travels_whole() -> None:
    column = np.arange(12, dtype=np.int32).reshape(4, 3)[:, 1]

    frame = read_frame(io.BytesIO(written(Frame("x", {}, {"a": column}))))

    assert frame is not None
    assert frame.arrays["a"].tolist() == [1, 4, 7, 10]


def test_a_frame_cut_anywhere_is_an_error_and_never_a_shorter_frame() -> None:
    data = written(Frame("x", {"a": 1}, {"b": np.arange(3, dtype=np.int64)}))

    for length in range(1, len(data)):
        with pytest.raises(WireError):
            read_frame(io.BytesIO(data[:length]))


@given(st.binary(max_size=200))
def test_random_bytes_are_an_error_or_the_end(data) -> None:
    with contextlib.suppress(WireError):
        assert read_frame(io.BytesIO(data)) is None


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_one_changed_byte_never_raises_anything_but_a_wire_error(place, value) -> None:
    data = bytearray(written(Frame("x", {"a": [1, "b"]}, {"b": np.arange(3, dtype=np.int64)})))
    data[place % len(data)] = value

    with contextlib.suppress(WireError):
        read_frame(io.BytesIO(data))


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b'{"kind": "x", "body": {"a": NaN}, "arrays": []}', id="NaN"),
        pytest.param(b"[" * 100_000, id="nested without end"),
        pytest.param([], id="no object"),
        pytest.param({"kind": "x", "body": {}}, id="key missing"),
        pytest.param({"kind": "x", "body": {}, "arrays": [], "more": 1}, id="key unknown"),
        pytest.param({"kind": 1, "body": {}, "arrays": []}, id="kind no text"),
        pytest.param({"kind": "x", "body": [], "arrays": []}, id="body no object"),
        pytest.param({"kind": "x", "body": {}, "arrays": [["a", "|O", [1]]]}, id="Python objects"),
        pytest.param({"kind": "x", "body": {}, "arrays": [["a", ">i4", [0]]]}, id="foreign byte order"),
        pytest.param({"kind": "x", "body": {}, "arrays": [["a", "<i4", [-1]]]}, id="negative length"),
        pytest.param({"kind": "x", "body": {}, "arrays": [["a", "<i4", [0, 2**62]]]}, id="absurd length"),
        pytest.param({"kind": "x", "body": {}, "arrays": [["a", "<i4", [True]]]}, id="length no number"),
        pytest.param({"kind": "x", "body": {}, "arrays": [["a", "<i4", [0, 0, 0]]]}, id="three dimensions"),
        pytest.param({"kind": "x", "body": {}, "arrays": [["a", "<i4", [0]], ["a", "<i4", [0]]]}, id="twice a name"),
        pytest.param({"kind": "x", "body": {}, "arrays": [["a", "<i4", [1]]]}, id="more array than payload"),
    ],
)
def test_a_malformed_header_is_refused(header) -> None:
    with pytest.raises(WireError):
        read_frame(raw(header))


def test_more_payload_than_arrays_is_refused() -> None:
    with pytest.raises(WireError, match="do not add up"):
        read_frame(raw({"kind": "x", "body": {}, "arrays": []}, b"1234"))


@pytest.mark.parametrize(
    ("header", "payload"), [(wire.HEADER_LIMIT + 1, 0), (0, wire.PAYLOAD_LIMIT + 1), (2**32 - 1, 2**64 - 1)]
)
def test_a_length_over_the_limit_is_refused_before_anything_is_read(header, payload) -> None:
    with pytest.raises(WireError, match="over the limit"):
        read_frame(io.BytesIO(wire.PREFIX.pack(wire.MAGIC, header, payload)))


def test_the_writer_keeps_the_limit_of_the_reader(monkeypatch) -> None:
    frame = Frame("x", {}, {"a": np.zeros(8, np.uint8)})
    monkeypatch.setattr(wire, "PAYLOAD_LIMIT", 8)
    encode(frame)
    monkeypatch.setattr(wire, "PAYLOAD_LIMIT", 7)

    with pytest.raises(WireError, match="over the limit"):
        encode(frame)


def test_the_writer_refuses_an_array_of_objects() -> None:
    with pytest.raises(WireError, match="dtype"):
        encode(Frame("x", {}, {"a": np.array([object()])}))


def test_the_writer_refuses_a_number_that_json_does_not_know() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(Frame("x", {"a": float("nan")}))
