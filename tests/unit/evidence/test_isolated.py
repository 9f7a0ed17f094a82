"""A run directory that a stranger made cannot reach out of itself, nor take more than it may."""

import io
import json
import os
import shutil
import socket
import tracemalloc
import zipfile

import numpy as np
import pytest
from numpy.lib import format as npy

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence import archive, isolated
from pytest_rawrxd.evidence.campaign import Evidence, read_card
from pytest_rawrxd.evidence.canonical import file_digest, strict_loads
from pytest_rawrxd.evidence.isolated import refuse_hostile
from pytest_rawrxd.evidence.ledger import LedgerWriter, read_ledger
from pytest_rawrxd.evidence.raw import is_portable, load_raw
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.places import package_data
from pytest_rawrxd.report.publish import publish
from pytest_rawrxd.report.signing.inspect import inspect
from pytest_rawrxd.verdict.judge import judge


@pytest.fixture
def run_dir(tmp_path):
    return shutil.copytree(package_data("fixtures") / "recordings" / "h100-pilot-vulkan", tmp_path / "run")


def test_a_run_as_it_was_measured_is_read(run_dir):
    refuse_hostile(run_dir)

    assert read_card(run_dir).id


@pytest.mark.parametrize("name", ["extra.html", "signoff-phase1.html", "ledger/s002-main.jsonl", "charts"])
@pytest.mark.parametrize("read", [Evidence.read, inspect])
def test_a_link_out_of_the_run_is_neither_read_nor_written_to(run_dir, tmp_path, name, read):
    secret = tmp_path / "secret"
    secret.write_text("not yours")
    (run_dir / name).symlink_to(secret)

    with pytest.raises(EvidenceProblem, match="a link") as caught:
        read(run_dir)
    assert caught.value.where == name
    assert secret.read_text() == "not yours"


def test_a_link_is_not_published(run_dir, tmp_path):
    (run_dir / "verdicts.json").write_text("{}")
    (run_dir / "notes.html").symlink_to("/etc/passwd")

    with pytest.raises(EvidenceProblem, match="a link"):
        publish(run_dir, tmp_path / "signed")
    assert not (tmp_path / "signed" / "run").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_or_a_socket_does_not_make_the_reader_wait(run_dir):
    os.mkfifo(run_dir / "ledger" / "s009-main.jsonl")
    with pytest.raises(EvidenceProblem, match="a device or a pipe"):
        inspect(run_dir)

    (run_dir / "ledger" / "s009-main.jsonl").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(run_dir / "s"))
        with pytest.raises(EvidenceProblem, match="a device or a pipe"):
            inspect(run_dir)


@pytest.mark.parametrize("name", ["a\nb", "x\u202egpj.exe", "a\\b", "\x1b[2J", os.fsdecode(b"\xff")])
def test_a_name_that_would_forge_a_line_or_a_path_is_refused(run_dir, name):
    (run_dir / name).write_text("")

    with pytest.raises(EvidenceProblem, match="a name that no run writes") as caught:
        read_card(run_dir)
    assert str(caught.value).isascii()


@pytest.mark.parametrize(("limit", "value"), [("MAX_FILES", 3), ("MAX_DEPTH", 1), ("MAX_BYTES", 1000)])
def test_more_than_a_run_can_be_is_refused(run_dir, monkeypatch, limit, value):
    monkeypatch.setattr(isolated, limit, value)

    with pytest.raises(EvidenceProblem, match="more than"):
        refuse_hostile(run_dir)


def test_a_sparse_file_of_a_terabyte_is_not_read(run_dir):
    with (run_dir / "raw" / "big").open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(EvidenceProblem, match="more than"):
        inspect(run_dir)


@pytest.mark.parametrize(
    ("part", "portable"),
    [
        *(("a.npz", True), ("s001", True), ("console.npz", True), ("com10.npz", True)),
        *(("CON", False), ("nul.npz", False), ("COM1", False), ("lpt9.tar.gz", False), ("aux", False)),
        *(("..", False), (".", False), ("", False), ("C:", False), ("a\\b", False), ("a.", False), ("a b", False)),
    ],
)
def test_a_part_of_a_path_is_a_file_on_every_system_or_nothing(part, portable):
    assert is_portable(part) is portable


def packed(path, members, method=zipfile.ZIP_DEFLATED):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as stored:
        for name, content in members:
            stored.writestr(name, content)
    return {"file": f"raw/s001/{path.name}", "sha256": file_digest(path), "bytes": path.stat().st_size}


def npy_bytes(shape, kind="<i8", data=b""):
    stream = io.BytesIO()
    npy.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    return stream.getvalue() + data


def test_a_shape_does_not_decide_how_much_memory_is_taken(tmp_path):
    ref = packed(tmp_path / "raw" / "s001" / "a.npz", [("stamps.npy", npy_bytes((1 << 40,)))])

    tracemalloc.start()
    with pytest.raises(EvidenceProblem, match="other bytes than an array"):
        load_raw(tmp_path, ref)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20  # a block of the digest, and no array of eight terabytes


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "FREE_BYTES", 1 << 16)
    zeros = npy_bytes((1 << 20,), "|i1", bytes(1 << 20))
    ref = packed(tmp_path / "raw" / "s001" / "a.npz", [("zeros.npy", zeros)])

    with pytest.raises(EvidenceProblem, match="unpacks to more than 200 times its size"):
        load_raw(tmp_path, ref)


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([("a.npy", npy_bytes((1,), "|O", bytes(8)))], "other bytes than an array|cannot be read"),
        ([("a.npy", npy_bytes((1,), "<U2", bytes(8)))], "other bytes than an array"),
        ([("a.txt", b"text")], "no array as a run writes it"),
        ([("a.npy", npy_bytes((2,), "<i8", bytes(15)))], "other bytes than an array"),
        ([("a.npy", npy_bytes((2,), "<i8", bytes(17)))], "other bytes than an array"),
        ([("a.npy", b"\x93NUMPY\x01\x00\xff\xff{")], "cannot be read"),
        ([("a.npy", npy_bytes((-1,), "<i8", b""))], "other bytes than an array"),
    ],
)
def test_a_member_that_is_no_array_of_numbers_is_refused(tmp_path, members, says):
    ref = packed(tmp_path / "raw" / "s001" / "a.npz", members)

    with pytest.raises(EvidenceProblem, match=says):
        load_raw(tmp_path, ref)


def test_a_column_major_array_comes_back_as_it_was(tmp_path):
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    path = tmp_path / "raw" / "s001" / "a.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, a=array, empty=np.zeros((0, 2)), scalar=np.array(3))
    found = load_raw(tmp_path, {"file": "raw/s001/a.npz", "sha256": file_digest(path), "bytes": path.stat().st_size})

    np.testing.assert_array_equal(found["a"], array)
    assert (found["empty"].shape, found["scalar"].item()) == ((0, 2), 3)


@pytest.mark.parametrize(
    "text",
    ["NaN", "1e999", "-1e999", '"\\ud800"', '{"a":1,"a":1}', "[" * 100_000, b"\xed\xa0\x80", '"é"'.encode("utf-16")],
)
def test_json_that_could_not_be_written_again_is_not_read(text):
    with pytest.raises(ValueError, match=r"."):
        strict_loads(text)


def test_whole_characters_from_escapes_are_read():
    assert strict_loads('"\\ud83d\\ude00 \\u00e9"') == "😀 é"


def test_what_the_ledger_writes_it_reads_whatever_a_file_was_named(tmp_path):
    with LedgerWriter(tmp_path, session="s001", worker="main", identity="i", clock=SYSTEM) as ledger:
        ledger.write("x", {"argv": [os.fsdecode(b"\xff.gguf")]})
        ledger.write("y", {})

    first, second = read_ledger(tmp_path)
    assert first.data == {"argv": ["?.gguf"]}
    assert second.seq == 2


def test_a_record_of_another_shape_is_told_with_its_place(run_dir):
    path = run_dir / "ledger" / "s001-main.jsonl"
    evidence = Evidence.read(run_dir)
    forged = [vars(record) | {"data": {**record.data, "raw": "no", "tokens": []}} for record in evidence.records]
    shape = type(evidence.records[0])
    forged_evidence = Evidence(evidence.campaign, tuple(shape(**each) for each in forged))

    with pytest.raises(EvidenceProblem, match="not of the shape that a session writes") as caught:
        judge(forged_evidence)
    assert ".py:" in str(caught.value.found)
    assert json.loads(path.read_bytes().splitlines()[0])
