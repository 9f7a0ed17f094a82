"""The ledger: append-only JSON lines, one file per process, each record chained to the one before it.

A record is durable when ``write`` returns, so a killed run keeps everything written so far. A torn last line is the
mark of such a death and is ignored; anything else that does not chain is an EvidenceProblem.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.canonical import plain, strict_loads
from pytest_rawrxd.measure.clock import Clock

FIRST = "0" * 64
#: A hostile run must not decide how much memory we take. All ledgers of a run together; a soak of 48 h leaves 8 MB,
#: 8,406 records and 454,000 values. A value of JSON takes up to 72 bytes of memory for the 3 of its text.
MAX_LINE = 8 << 20
MAX_BYTES = 256 << 20
MAX_RECORDS = 500_000
MAX_VALUES = 16_000_000
KEYS = ("id", "seq", "prev", "at", "mono_ns", "session", "worker", "identity", "kind", "data")


@dataclass(frozen=True)
class Record:
    """One thing that happened. ``at`` is ISO 8601 UTC, ``mono_ns`` the monotonic clock of its process."""

    id: str
    seq: int
    prev: str
    at: str
    mono_ns: int
    session: str
    worker: str
    identity: str
    kind: str
    data: dict[str, Any]

    def __repr__(self) -> str:
        return f"<{self.kind} {self.id} at {self.at}>"


class LedgerWriter:
    """The one writer of one ledger file. Use as a context manager."""

    def __init__(self, directory: Path, *, session: str, worker: str, identity: str, clock: Clock) -> None:
        self.path = directory / f"{session}-{worker}.jsonl"
        self._session = session
        self._worker = worker
        self._identity = identity
        self._clock = clock
        self._seq = 0
        self._prev = FIRST
        directory.mkdir(parents=True, exist_ok=True)
        # A session never continues another one's file. Unbuffered: a record that the disk refuses must not come later.
        self._file = self.path.open("xb", buffering=0)

    def write(self, kind: str, data: dict[str, Any]) -> Record:
        """Append one record; it is on disk when this returns.

        Raises EvidenceProblem when the disk does not take it; what was written before stays readable, and the next
        record continues the chain.
        """
        seq = self._seq + 1
        record = Record(
            id=f"{self._session}-{self._worker}-{seq}",
            seq=seq,
            prev=self._prev,
            at=self._clock.wall().isoformat(timespec="milliseconds"),
            mono_ns=self._clock.monotonic_ns(),
            session=self._session,
            worker=self._worker,
            identity=self._identity,
            kind=kind,
            data=plain(data),
        )
        line = _line(vars(record))
        if len(line) > MAX_LINE:
            raise EvidenceProblem(
                f"a {kind} record is too long to be read back",
                where=str(self.path),
                found=f"{len(line)} bytes",
                possible=f"at most {MAX_LINE}; arrays belong beside the ledger",
            )
        self._append(line + b"\n")
        self._seq = seq
        self._prev = hashlib.sha256(line).hexdigest()
        return record

    def _append(self, line: bytes) -> None:
        end = self._file.seek(0, os.SEEK_END)
        try:
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        except OSError as problem:
            with contextlib.suppress(OSError):  # a torn last line is read as none
                self._file.truncate(end)
            raise EvidenceProblem(
                "the ledger cannot be written",
                where=str(self.path),
                found=str(problem),
                possible="room on this disk; every record before this one is kept",
            ) from problem

    def fileno(self) -> int:
        """The file descriptor, for whoever has to make the disk fail."""
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _line(record: dict[str, Any]) -> bytes:
    """A record as one line. Half a character, which a file name of this system can hold, becomes a question mark."""
    line = json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    if b"\\ud" not in line:
        return line
    whole = json.dumps(record, ensure_ascii=False).encode("utf-8", "replace")
    return json.dumps(json.loads(whole), sort_keys=True, separators=(",", ":")).encode()


def read_ledger(directory: Path) -> list[Record]:
    """All records of a run directory's ``ledger`` folder: sessions in order, each worker's records in order.

    Raises EvidenceProblem naming file and line when a record is unreadable, the chain is broken, or all files together
    hold more than MAX_BYTES, MAX_RECORDS or MAX_VALUES.
    """
    room = _Room()
    return [record for path in sorted(directory.glob("*.jsonl")) for record in _read_file(path, room)]


@dataclass
class _Room:
    """What was read so far of all ledgers of a run."""

    size: int = 0
    records: int = 0
    values: int = 0

    def take(self, line: bytes, *, where: str) -> None:
        """Count a line before it is parsed. Raises EvidenceProblem where it is more than a run can write."""
        self.size += len(line)
        self.records += 1
        self.values += sum(map(line.count, (b",", b"[", b"{")))
        for name, taken, most in (
            ("bytes", self.size, MAX_BYTES),
            ("records", self.records, MAX_RECORDS),
            ("values", self.values, MAX_VALUES),
        ):
            if taken > most:
                raise EvidenceProblem(
                    "the ledgers of this run hold more than a run can write",
                    where=where,
                    found=f"{taken} {name}",
                    possible=f"at most {most} {name} in all ledgers together",
                )


def _read_file(path: Path, room: _Room) -> Iterator[Record]:
    expected = FIRST
    with path.open("rb") as file:
        for number, line in enumerate(_lines(file, path), start=1):
            if not line.endswith(b"\n"):
                return  # torn by a kill: it was never durable
            room.take(line, where=f"{path.name}:{number}")
            body = line[:-1]
            record = _parse(body, where=f"{path.name}:{number}")
            if record.prev != expected or record.seq != number:
                raise EvidenceProblem(
                    "the ledger's chain is broken: a record was removed, reordered or changed",
                    where=f"{path.name}:{number}",
                    found=f"record {record.seq} after {record.prev[:12]}",
                    possible=f"record {number} after {expected[:12]}",
                )
            if path.stem != f"{record.session}-{record.worker}":
                raise EvidenceProblem(
                    "a record stands in another process's ledger: copied, it would count twice",
                    where=f"{path.name}:{number}",
                    found=f"{record.session}-{record.worker}",
                    possible=path.stem,
                )
            expected = hashlib.sha256(body).hexdigest()
            yield record


def _lines(file: BinaryIO, path: Path) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE + 2):
        if len(line) > MAX_LINE + 1:
            raise EvidenceProblem("a ledger line is too long", where=path.name, possible=f"at most {MAX_LINE} bytes")
        yield line


def _parse(body: bytes, *, where: str) -> Record:
    try:
        found = strict_loads(body)
    except (ValueError, UnicodeDecodeError) as error:
        raise EvidenceProblem("a ledger record is not JSON", where=where, found=str(error)) from error
    if not isinstance(found, dict) or tuple(sorted(found)) != tuple(sorted(KEYS)):
        raise EvidenceProblem("a ledger record has other keys than a record", where=where, possible=", ".join(KEYS))
    numbers = all(type(found[key]) is int for key in ("seq", "mono_ns"))
    texts = all(isinstance(found[key], str) for key in KEYS if key not in {"seq", "mono_ns", "data"})
    if not (numbers and texts and isinstance(found["data"], dict)):
        raise EvidenceProblem("a ledger record holds a value of the wrong type", where=where)
    return Record(**found)
