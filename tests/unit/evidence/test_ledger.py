"""The ledger keeps what was written and notices what was changed."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.ledger import MAX_LINE, LedgerWriter, read_ledger
from pytest_rawrxd.measure.clock import Clock

STILL = Clock(monotonic_ns=lambda: 7, wall=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), sleep=lambda _: None)


def write(folder, *payloads, session="s001", worker="main"):
    with LedgerWriter(folder, session=session, worker=worker, identity="abc", clock=STILL) as ledger:
        return [ledger.write("thing", payload) for payload in payloads]


def test_what_was_written_is_read_back(tmp_path):
    written = write(tmp_path, {"a": 1}, {"b": [1.5, None, "x"]})

    assert read_ledger(tmp_path) == written
    assert written[1].id == "s001-main-2"
    assert written[0].at == "2026-01-02T03:04:05.000+00:00"


def test_a_record_is_on_disk_before_the_writer_is_closed(tmp_path):
    with LedgerWriter(tmp_path, session="s001", worker="main", identity="abc", clock=STILL) as ledger:
        record = ledger.write("thing", {"a": 1})

        assert read_ledger(tmp_path) == [record]


def test_files_of_several_workers_are_read_in_order(tmp_path):
    late = write(tmp_path, {"n": 3}, session="s002")
    early = write(tmp_path, {"n": 1}, worker="gw0") + write(tmp_path, {"n": 2}, worker="gw1")

    assert read_ledger(tmp_path) == early + late


def test_a_torn_last_line_is_ignored(tmp_path):
    written = write(tmp_path, {"a": 1}, {"a": 2})
    path = tmp_path / "s001-main.jsonl"
    path.write_bytes(path.read_bytes()[:-9])

    assert read_ledger(tmp_path) == written[:1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: [lines[0].replace(b'"a":1', b'"a":9'), *lines[1:]], "s001-main.jsonl:2"),
        (lambda lines: lines[1:], "s001-main.jsonl:1"),
        (lambda lines: [lines[0], lines[2]], "s001-main.jsonl:2"),
        (lambda lines: [lines[1], lines[0], lines[2]], "s001-main.jsonl:1"),
    ],
    ids=["changed", "first removed", "middle removed", "reordered"],
)
def test_a_changed_ledger_is_found_and_the_place_is_named(tmp_path, change, says):
    write(tmp_path, {"a": 1}, {"a": 2}, {"a": 3})
    path = tmp_path / "s001-main.jsonl"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    with pytest.raises(EvidenceProblem, match="chain is broken") as caught:
        read_ledger(tmp_path)
    assert caught.value.where == says


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"[]\n",
        b'{"id":"x"}\n',
        b'{"a":1,"a":2}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b'{"a":NaN}\n',
    ],
    ids=["text", "list", "few keys", "twice", "not utf-8", "deep", "nan"],
)
def test_a_foreign_line_is_refused_with_its_place(tmp_path, line):
    (tmp_path / "s001-main.jsonl").write_bytes(line)

    with pytest.raises(EvidenceProblem) as caught:
        read_ledger(tmp_path)
    assert caught.value.where == "s001-main.jsonl:1"


def test_a_record_too_long_to_be_read_back_is_not_written(tmp_path):
    with pytest.raises(EvidenceProblem, match="too long"):
        write(tmp_path, {"text": "x" * MAX_LINE})
    assert read_ledger(tmp_path) == []


def test_a_hostile_line_is_refused_before_it_is_taken_into_memory(tmp_path):
    (tmp_path / "s001-main.jsonl").write_bytes(b"x" * (MAX_LINE + 100))

    with pytest.raises(EvidenceProblem, match="too long"):
        read_ledger(tmp_path)


def test_a_session_never_continues_the_file_of_another_one(tmp_path):
    write(tmp_path, {"a": 1})

    with pytest.raises(FileExistsError):
        write(tmp_path, {"a": 2})


def test_a_number_that_is_none_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write(tmp_path, {"a": float("nan")})


def test_a_copied_ledger_does_not_count_twice(tmp_path):
    write(tmp_path, {"a": 1})
    (tmp_path / "s002-main.jsonl").write_bytes((tmp_path / "s001-main.jsonl").read_bytes())

    with pytest.raises(EvidenceProblem, match="another process's ledger") as caught:
        read_ledger(tmp_path)
    assert caught.value.where == "s002-main.jsonl:1"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_said_and_the_chain_goes_on_when_there_is_room_again(tmp_path):
    with LedgerWriter(tmp_path, session="s001", worker="main", identity="abc", clock=STILL) as ledger:
        first = ledger.write("thing", {"a": 1})
        good, full = os.dup(ledger.fileno()), os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, ledger.fileno())
        with pytest.raises(EvidenceProblem, match="cannot be written") as caught:
            ledger.write("thing", {"a": 2})
        os.dup2(good, ledger.fileno())
        for descriptor in (good, full):
            os.close(descriptor)
        third = ledger.write("thing", {"a": 3})

    assert "No space left" in caught.value.found
    assert read_ledger(tmp_path) == [first, third]
    assert third.seq == 2
