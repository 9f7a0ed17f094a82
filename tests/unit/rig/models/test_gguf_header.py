from __future__ import annotations

import struct
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models.cursor import WINDOW_BYTES
from pytest_rawrxd.rig.models.gguf_header import KEPT_ELEMENTS, MAX_ARRAY, MAX_TEXT_BYTES, Summary, read_header


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def preamble(tensors: int = 0, pairs: int = 0, *, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, pairs)


def pair(key: str, kind: int, raw: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + raw


def tensor(name: str = "t", shape: tuple[int, ...] = (32,), kind: int = 0, offset: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


@pytest.fixture
def read(tmp_path):
    def from_bytes(raw: bytes):
        path = tmp_path / "model.gguf"
        path.write_bytes(raw)
        return read_header(path)

    return from_bytes


def test_a_header_gives_metadata_and_the_place_of_each_tensor(gguf_file):
    path = gguf_file(
        "model.gguf",
        {"a.weight": ((256, 2), "Q4_K"), "b.weight": ((8,), "F32")},
        {"general.architecture": "llama", "llama.block_count": 2, "eps": 0.5, "heads": [1, 2], "words": ["a", "b"]},
    )

    header = read_header(path)

    assert header.text("general.architecture") == "llama"
    assert header.count("llama.block_count") == 2
    assert header.metadata["heads"] == (1, 2)
    assert header.metadata["words"] == Summary("array", 2)
    first, second = header.tensors
    assert (first.name, first.shape, first.type, first.bytes) == ("a.weight", (256, 2), "Q4_K", 288)
    assert second.offset == first.offset + 288
    assert header.file_bytes == path.stat().st_size == second.offset + 32


@pytest.mark.parametrize(("number", "found"), [(0, None), (1, 1), (True, None), (0.5, None), ("2", None)])
def test_a_count_is_a_whole_number_of_at_least_one(gguf_file, number, found):
    assert read_header(gguf_file("m.gguf", {}, {"n": number})).count("n") == found


def test_version_2_is_read_like_version_3(read):
    assert read(preamble(version=2)).version == 2


@pytest.mark.parametrize(("length", "kept"), [(KEPT_ELEMENTS, True), (KEPT_ELEMENTS + 1, False)])
def test_arrays_are_kept_up_to_a_number_a_layer(read, length, kept):
    raw = preamble(0, 1) + pair("a", 9, struct.pack("<IQ", 0, length) + bytes(length))

    found = read(raw).metadata["a"]

    assert found == ((0,) * length if kept else Summary("array", length))


@pytest.mark.parametrize(("length", "kept"), [(MAX_TEXT_BYTES, True), (MAX_TEXT_BYTES + 1, False)])
def test_a_long_text_is_summarised(read, length, kept):
    found = read(preamble(0, 1) + pair("t", 8, text(b"x" * length))).metadata["t"]

    assert found == ("x" * length if kept else Summary("text", length))


def test_a_vocabulary_larger_than_the_window_is_stepped_over(read):
    words = [b"w" * 40] * (3 * WINDOW_BYTES // 48) + [b"long" * WINDOW_BYTES, b"last"]
    raw = preamble(0, 2) + pair("v", 9, struct.pack("<IQ", 8, len(words)) + b"".join(map(text, words)))

    header = read(raw + pair("after", 4, struct.pack("<I", 7)))

    assert header.metadata == {"v": Summary("array", len(words)), "after": 7}


HOSTILE = {
    "empty": (b"", "it is empty"),
    "foreign": (b"PK\x03\x04" + bytes(60), "it begins with b'PK"),
    "shorter than its magic number": (b"GG", "it begins with b'GG'"),
    "version 1": (preamble(version=1), "version 1"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "a big-endian file"),
    "too many tensors": (preamble(1 << 40), f"number of tensors: {1 << 40}"),
    "too many pairs": (preamble(0, 1 << 63), f"number of metadata pairs: {1 << 63}"),
    "long key": (preamble(0, 1) + struct.pack("<Q", 1 << 50), f"length of metadata key: {1 << 50}"),
    "text past the end": (preamble(0, 1) + pair("k", 8, struct.pack("<Q", 1 << 60)), f"k needs {1 << 60} bytes"),
    "array past the end": (
        preamble(0, 1) + pair("k", 9, struct.pack("<IQ", 10, 1 << 20)),
        f"k needs {8 << 20} bytes, 0 are left",
    ),
    "array of too many": (
        preamble(0, 1) + pair("k", 9, struct.pack("<IQ", 0, MAX_ARRAY + 1)),
        f"elements of k: {MAX_ARRAY + 1}",
    ),
    "strings past the end": (
        preamble(0, 1) + pair("k", 9, struct.pack("<IQ", 8, 1) + struct.pack("<Q", 1 << 62)),
        f"k needs {1 << 62} bytes",
    ),
    "nested array": (preamble(0, 1) + pair("k", 9, struct.pack("<IQ", 9, 1)), "k is an array of value type 9"),
    "value type": (preamble(0, 1) + pair("k", 13, b""), "k of value type 13"),
    "key twice": (preamble(0, 2) + 2 * pair("k", 7, b"\1"), "key 'k' twice"),
    "key that is not text": (preamble(0, 1) + text(b"\xff\xfe") + bytes(8), r"metadata key: b'\xff\xfe'"),
    "key that a terminal obeys": (preamble(0, 1) + text("\x1b[2J") + bytes(8), r"metadata key: b'\x1b[2J'"),
    "alignment": (
        preamble(0, 1) + pair("general.alignment", 4, struct.pack("<I", 48)),
        "general.alignment = 48",
    ),
    "no dimensions": (preamble(1) + tensor(shape=()), "t has 0 dimensions"),
    "five dimensions": (preamble(1) + tensor(shape=(1,) * 5), "t has 5 dimensions"),
    "empty dimension": (preamble(1) + tensor(shape=(4, 0)), "t has shape [4, 0]"),
    "endless dimensions": (preamble(1) + tensor(shape=((1 << 64) - 1,) * 4), "t has shape"),
    "tensor type": (preamble(1) + tensor(kind=4), "t has type 4"),
    "broken rows": (preamble(1) + tensor(shape=(255, 4), kind=12), "t: rows of 255 in type Q4_K"),
    "crooked offset": (preamble(1) + tensor(offset=16), "t at offset 16"),
    "long tensor name": (preamble(1) + tensor("n" * 65), "length of tensor name: 65"),
    "outside the file": (preamble(1) + tensor(offset=1 << 40) + bytes(256), "t ends at byte"),
    "overlap": (preamble(2) + tensor("a") + tensor("b") + bytes(256), "b begins at byte 96, a ends at 224"),
    "name twice": (preamble(2) + tensor("a") + tensor("a", offset=128) + bytes(512), "a twice"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_header_is_refused_with_what_was_found(read, tmp_path, case):
    raw, found = HOSTILE[case]

    with pytest.raises(ModelProblem) as caught:
        read(raw)

    assert found in (caught.value.found or "")
    assert str(tmp_path / "model.gguf") in (caught.value.where or "")
    assert caught.value.possible


def test_the_last_byte_of_the_last_tensor_must_be_in_the_file(read):
    raw = preamble(1) + tensor(shape=(8,))
    whole = raw + bytes(-len(raw) % 32) + bytes(32)

    assert read(whole).tensors[0].bytes == 32
    with pytest.raises(ModelProblem, match="truncated"):
        read(whole[:-1])


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(ModelProblem, match="cannot be read") as caught:
        read_header(tmp_path / "absent.gguf")

    assert "absent.gguf" in (caught.value.where or "")


def test_a_header_of_names_alone_cannot_fill_the_memory(read):
    pairs = 70
    raw = preamble(0, pairs) + b"".join(pair(f"k{i}", 8, text(b"x" * MAX_TEXT_BYTES)) for i in range(pairs))

    with pytest.raises(ModelProblem, match="bytes of names and values"):
        read(raw)


def valid(metadata_text: bytes = b"llama") -> bytes:
    raw = preamble(2, 3) + pair("general.architecture", 8, text(metadata_text))
    raw += pair("words", 9, struct.pack("<IQ", 8, 3) + text("a") + text("bc") + text("def"))
    raw += pair("heads", 9, struct.pack("<IQII", 4, 2, 7, 8))
    raw += tensor("a", (256, 2), 12) + tensor("b", (8,), 0, offset=288)
    return raw + bytes(-len(raw) % 32) + bytes(288 + 32)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4))
def test_a_damaged_header_is_read_or_refused_and_costs_little_memory(read, edits):
    raw = bytearray(valid())
    for at, patch in edits:
        raw[at % len(raw) : at % len(raw) + len(patch)] = patch
    tracemalloc.start()
    try:
        header = read(bytes(raw))
    except ModelProblem:
        pass
    else:
        assert all(each.offset + each.bytes <= header.file_bytes for each in header.tensors)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 4 * WINDOW_BYTES


def test_every_truncation_is_refused(read):
    raw = valid()

    for length in range(len(raw)):
        with pytest.raises(ModelProblem):
            read(raw[:length])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tail=st.binary(max_size=200))
def test_noise_after_the_magic_number_is_refused_or_empty(read, tail):
    try:
        header = read(b"GGUF" + struct.pack("<I", 3) + tail)
    except ModelProblem:
        return
    assert header.tensors == ()
