"""One run directory takes so much memory and no more: what it holds together is counted before it is read."""

import base64
import hashlib
import io
import json
import shutil
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from numpy.lib import format as npy

from pytest_rawrxd.cli import main
from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence import ledger, raw
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.canonical import file_digest
from pytest_rawrxd.evidence.ledger import FIRST, read_ledger
from pytest_rawrxd.evidence.raw import load_raw, refuse_more_than_fits
from pytest_rawrxd.measure.histogram import bin_count, record
from pytest_rawrxd.measure.soak.latencies import packed, unpacked
from pytest_rawrxd.places import package_data

MIB = 1 << 20


@pytest.fixture
def run_dir(tmp_path):
    return shutil.copytree(package_data("fixtures") / "recordings" / "h100-pilot-vulkan", tmp_path / "run")


def peak_of(work):
    """The most memory that Python's own allocations took while ``work`` ran, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def chained(folder, *payloads):
    folder.mkdir(parents=True, exist_ok=True)
    previous, lines = FIRST, []
    for number, data in enumerate(payloads, 1):
        body = {"id": f"s001-main-{number}", "seq": number, "prev": previous, "at": "", "mono_ns": 1, "session": "s001"}
        line = json.dumps(body | {"worker": "main", "identity": "i", "kind": "x", "data": data}).encode()
        previous = hashlib.sha256(line).hexdigest()
        lines.append(line + b"\n")
    (folder / "s001-main.jsonl").write_bytes(b"".join(lines))
    return folder, [len(line) for line in lines], [sum(map(line.count, (b",", b"[", b"{"))) for line in lines]


@pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_RECORDS", "MAX_VALUES"])
@pytest.mark.parametrize("more", [0, 1])
def test_all_ledgers_together_hold_so_much_and_no_more(tmp_path, monkeypatch, limit, more):
    folder, sizes, values = chained(tmp_path, {"a": [1, 2]}, {"a": [[], {}]}, {})
    whole = {"MAX_BYTES": sum(sizes), "MAX_RECORDS": 3, "MAX_VALUES": sum(values)}[limit]
    monkeypatch.setattr(ledger, limit, whole - more)

    if not more:
        assert len(read_ledger(folder)) == 3
        return
    with pytest.raises(EvidenceProblem, match="more than a run can write") as caught:
        read_ledger(folder)
    assert caught.value.where == "s001-main.jsonl:3"
    assert caught.value.possible.startswith(f"at most {whole - 1}")


def test_two_ledgers_count_as_one(tmp_path, monkeypatch):
    chained(tmp_path, {}, {})
    other = (tmp_path / "s001-main.jsonl").read_bytes()
    (tmp_path / "s002-main.jsonl").write_bytes(other)
    monkeypatch.setattr(ledger, "MAX_RECORDS", 2)

    with pytest.raises(EvidenceProblem, match="more than a run can write") as caught:
        read_ledger(tmp_path)
    assert caught.value.where == "s002-main.jsonl:1"


def test_a_line_of_empty_lists_is_counted_before_it_is_parsed(tmp_path, monkeypatch):
    """Three bytes of text become 64 of memory."""
    folder, _, _ = chained(tmp_path, {"a": [[] for _ in range(MIB)]})
    monkeypatch.setattr(ledger, "MAX_VALUES", MIB)

    def refused():
        with pytest.raises(EvidenceProblem, match="more than a run can write"):
            read_ledger(folder)

    assert peak_of(refused) < 16 * MIB


def array_of(size):
    stream = io.BytesIO()
    npy.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": (size,)})
    return stream.getvalue() + bytes(size)


def archive(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stored:
        for name, content in members:
            stored.writestr(name, content)
    return {"file": f"raw/s001/{path.name}", "sha256": file_digest(path), "bytes": path.stat().st_size}


def test_a_bomb_of_two_gigabytes_is_refused_unopened(tmp_path):
    """Two members that lie over each other, each telling a gigabyte, in an archive of a few kilobytes."""
    ref = archive(tmp_path / "raw" / "s001" / "a.npz", [("a.npy", array_of(1000)), ("b.npy", array_of(1000))])
    path = tmp_path / ref["file"]
    data = bytearray(path.read_bytes())
    for at in range(len(data) - 4):
        if data[at : at + 4] == b"PK\x01\x02":
            data[at + 24 : at + 28] = struct.pack("<L", 1 << 30)
    path.write_bytes(data)
    ref |= {"sha256": file_digest(path)}

    def refused():
        with pytest.raises(EvidenceProblem, match="larger than a run can write"):
            load_raw(tmp_path, ref)

    assert peak_of(refused) < 4 * MIB


def test_many_small_bombs_are_one_large_one(tmp_path, monkeypatch):
    """Each unpacks from a thousandth of what it holds, which is little enough to be allowed alone."""
    refs = [archive(tmp_path / "raw" / "s001" / f"{n}.npz", [("a.npy", array_of(MIB))]) for n in range(8)]
    each = 128 + MIB
    monkeypatch.setattr(raw, "MAX_TOGETHER", 8 * each)
    refuse_more_than_fits(tmp_path, [*refs, *refs])  # a file that is named twice counts once

    monkeypatch.setattr(raw, "MAX_TOGETHER", 8 * each - 1)
    with pytest.raises(EvidenceProblem, match="raw arrays of this run hold more than a run can write") as caught:
        refuse_more_than_fits(tmp_path, refs)
    assert caught.value.found == f"{8 * each} bytes"


@pytest.mark.parametrize(
    "ref",
    ["no", None, {}, {"file": "raw/none.npz"}, {"file": "raw/s001/x.npz"}, {"file": "../x.npz"}, {"file": 7}],
)
def test_what_is_no_archive_is_left_to_whoever_needs_it(tmp_path, ref):
    (tmp_path / "raw" / "s001").mkdir(parents=True)
    (tmp_path / "raw" / "s001" / "x.npz").write_bytes(b"no zip")

    refuse_more_than_fits(tmp_path, [ref])

    with pytest.raises(EvidenceProblem):
        load_raw(tmp_path, ref)


def test_an_archive_with_a_directory_of_a_million_members_is_refused_before_it_is_read(tmp_path):
    members = 60_000
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = entry * members
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, members, members, len(directory), 0, 0)
    path = tmp_path / "raw" / "s001" / "a.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(directory + end)
    ref = {"file": "raw/s001/a.npz", "sha256": file_digest(path), "bytes": path.stat().st_size}
    assert len(zipfile.ZipFile(path).infolist()) == members  # the library itself reads it

    def refused():
        with pytest.raises(EvidenceProblem, match="its directory of members takes"):
            load_raw(tmp_path, ref)
        refuse_more_than_fits(tmp_path, [ref])

    assert peak_of(refused) < 4 * MIB


def block(**changed):
    return packed(record(np.array([5_000, 7_000]), block=0, bounds_ns=(6_000,))) | changed


def deflated(content):
    return base64.b64encode(zlib.compress(content, 9)).decode("ascii")


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(bytes(64 * MIB), id="a bomb"),
        pytest.param(bytes(8 * bin_count() + 8), id="one bin more than there are"),
        pytest.param(bytes(12), id="a bin without a count"),
        pytest.param(np.array([bin_count(), 0, 1, 1], "<u4").tobytes(), id="a bin that there is not"),
        pytest.param(np.array([65_536 + 5, 0, 1, 1], "<u4").tobytes(), id="a bin that wraps into another"),
    ],
)
def test_the_entries_of_a_block_are_those_of_a_histogram(entries):
    def refused():
        with pytest.raises(EvidenceProblem):
            unpacked([block(entries=deflated(entries))])

    unpacked([block()])  # what is computed once is there
    assert peak_of(refused) < 4 * MIB


def test_a_block_that_is_cut_is_refused():
    whole = base64.b64decode(block()["entries"])

    with pytest.raises(EvidenceProblem, match="cannot be read"):
        unpacked([block(entries=base64.b64encode(whole[:-3]).decode())])


@pytest.mark.parametrize("verb", ["judge", "verify"])
@pytest.mark.parametrize(
    ("module", "limit", "most", "says"),
    [
        (ledger, "MAX_RECORDS", 3, "the ledgers of this run hold more than a run can write"),
        (ledger, "MAX_VALUES", 500, "the ledgers of this run hold more than a run can write"),
        (raw, "MAX_TOGETHER", 1000, "the raw arrays of this run hold more than a run can write"),
    ],
)
def test_judge_and_verify_refuse_a_run_that_holds_more(run_dir, capsys, monkeypatch, verb, module, limit, most, says):
    monkeypatch.setattr(module, limit, most)

    assert main([verb, str(run_dir)]) == 1
    told = "".join(capsys.readouterr())
    assert says in told
    assert "Traceback" not in told


def test_a_run_that_was_measured_is_far_from_every_bound(run_dir):
    evidence = Evidence.read(run_dir)
    size = sum(path.stat().st_size for path in (run_dir / "ledger").iterdir())

    assert size < ledger.MAX_BYTES / 100
    assert len(evidence.records) < ledger.MAX_RECORDS / 100
