"""The result of a load run as flat arrays: one row per request, ragged parts behind offsets. Never pickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.rig.server.response import Reply

#: Stands where a request has no such value: none of them can be negative.
ABSENT = -1

Long = npt.NDArray[np.int64]
Int = npt.NDArray[np.int32]
Byte = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class LoadArrays:
    """k requests in the order in which they were sent; instants in ns of ``time.perf_counter_ns``, counts in tokens."""

    number: Long  #: (k,) of the request in the plan
    intended_ns: Long  #: (k,) when it was due
    sent_ns: Long  #: (k,)
    first_byte_ns: Long  #: (k,) first bytes of the body, ABSENT where none came
    ended_ns: Long  #: (k,)
    status: Int  #: (k,) HTTP status, ABSENT where no response came
    failure: Int  #: (k,) codes of ``Failure``
    finish: Int  #: (k,) codes of ``Finish``
    reported_tokens: Int  #: (k,) as the engine counted, ABSENT where it does not
    prompt_tokens: Int  #: (k,) ABSENT where unknown
    cached_tokens: Int  #: (k,) ABSENT where unknown
    engine_decode_ns: Long  #: (k,) as the engine measured, ABSENT where it does not
    server: Long  #: (k,) ``server_code`` of who answered, ABSENT where nobody says: one server, or a silent balancer
    offsets: Long  #: (k + 1,) into stamps_ns and tokens
    stamps_ns: Long  #: received chunks that carried tokens
    tokens: Int  #: tokens in each of them
    id_offsets: Long  #: (k + 1,) into token_ids
    token_ids: Int  #: where the server tells them
    has_ids: Byte  #: (k,) 1 where it does
    byte_offsets: Long  #: (k + 1,) into chunk_ends and chunk_stamps_ns; all 0 where bytes were not kept
    chunk_ends: Long  #: where each received chunk ends in its request's bytes
    chunk_stamps_ns: Long
    body_offsets: Long  #: (k + 1,) into bodies
    bodies: Byte  #: the received bytes

    def __len__(self) -> int:
        """Return the number of requests."""
        return int(self.number.size)

    def body(self, row: int) -> bytes:
        """The kept bytes of one request."""
        return self.bodies[self.body_offsets[row] : self.body_offsets[row + 1]].tobytes()


#: Ragged parts: offsets, and the arrays that they cut.
RAGGED = {
    "offsets": ("stamps_ns", "tokens"),
    "id_offsets": ("token_ids",),
    "byte_offsets": ("chunk_ends", "chunk_stamps_ns"),
    "body_offsets": ("bodies",),
}
_PARTS = {name for names in RAGGED.values() for name in names}
_TYPES = {"Long": np.int64, "Int": np.int32, "Byte": np.uint8}
DTYPES = {item.name: np.dtype(_TYPES[str(item.type)]) for item in fields(LoadArrays)}
ROWS = tuple(name for name in DTYPES if name not in RAGGED and name not in _PARTS)


def pack(rows: Sequence[tuple[Exchange, Reply]], *, keep_bytes: bool) -> LoadArrays:
    """The arrays of requests and what their replies say, ordered by the instant of sending."""
    rows = sorted(rows, key=lambda row: (row[0].sent_ns, row[0].number))
    columns: dict[str, list[Any]] = {name: [] for name in DTYPES}
    for kept, reply in rows:
        _append_row(columns, kept, reply)
        _append_parts(columns, kept if keep_bytes else None, reply)
    for offsets, parts in RAGGED.items():
        columns[offsets] = [0, *np.cumsum([len(part) for part in columns[parts[0]]])]
    return LoadArrays(
        **{
            name: np.concatenate([np.zeros(0, dtype), *columns[name]], dtype=dtype)
            if name in _PARTS
            else np.array(columns[name], dtype)
            for name, dtype in DTYPES.items()
        }
    )


def server_code(name: str) -> int:
    """The number that stands for a server of a fleet: the same in every client process."""
    return zlib.crc32(name.encode())


def _append_row(columns: dict[str, list[Any]], kept: Exchange, reply: Reply) -> None:
    row = {
        "number": kept.number,
        "intended_ns": kept.intended_ns,
        "sent_ns": kept.sent_ns,
        "first_byte_ns": kept.stamps_ns[0] if kept.stamps_ns else None,
        "ended_ns": kept.ended_ns,
        "status": kept.status,
        "failure": int(reply.failure),
        "finish": int(reply.finish),
        "reported_tokens": reply.reported_tokens,
        "prompt_tokens": reply.prompt_tokens,
        "cached_tokens": reply.cached_tokens,
        "engine_decode_ns": reply.engine_decode_ns,
        "server": server_code(kept.server) if kept.server else None,
        "has_ids": int(reply.token_ids is not None),
    }
    for name, value in row.items():
        columns[name].append(ABSENT if value is None else value)


def _append_parts(columns: dict[str, list[Any]], kept: Exchange | None, reply: Reply) -> None:
    chunks, stamps = (kept.chunks, kept.stamps_ns) if kept else ([], [])
    columns["stamps_ns"].append(reply.stamps_ns)
    columns["tokens"].append(reply.tokens)
    columns["token_ids"].append(np.zeros(0, np.int32) if reply.token_ids is None else reply.token_ids)
    columns["chunk_ends"].append(np.cumsum([len(chunk) for chunk in chunks], dtype=np.int64))
    columns["chunk_stamps_ns"].append(np.array(stamps, np.int64))
    columns["bodies"].append(np.frombuffer(b"".join(chunks), np.uint8))


def merge(parts: Sequence[LoadArrays]) -> LoadArrays:
    """The requests of all ``parts`` in the order of sending: exactly what one process would have returned."""
    order = np.lexsort([np.concatenate([getattr(part, name) for part in parts]) for name in ("number", "sent_ns")])
    merged = {name: np.concatenate([getattr(part, name) for part in parts])[order] for name in ROWS}
    for offsets, names in RAGGED.items():
        lengths = np.concatenate([np.diff(getattr(part, offsets)) for part in parts])
        starts = np.concatenate([[0], np.cumsum(lengths)])
        merged[offsets] = np.concatenate([[0], np.cumsum(lengths[order])]).astype(np.int64)
        # Position j of a row that moved: its old start plus its distance from the new start.
        move = np.repeat(starts[:-1][order] - merged[offsets][:-1], lengths[order])
        take = move + np.arange(move.size)
        for name in names:
            merged[name] = np.concatenate([getattr(part, name) for part in parts])[take]
    return LoadArrays(**merged)


def save(arrays: LoadArrays, path: Path) -> None:
    """Write ``arrays`` as an npz file."""
    with path.open("wb") as stream:
        np.savez(stream, **{name: getattr(arrays, name) for name in DTYPES})


def load(path: Path) -> LoadArrays:
    """Read what ``save`` wrote. Raises EvidenceProblem for a file that is not a whole result."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            found = {name: stored[name] for name in DTYPES}
    # TypeError: a single array of numpy's other format is no archive to enter.
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as problem:
        raise EvidenceProblem("this is no result of a load run", where=str(path), found=str(problem)) from problem
    wrong = _misfit(found)
    if wrong:
        raise EvidenceProblem("the arrays of this load run do not fit together", where=str(path), found=wrong)
    return LoadArrays(**found)


def _misfit(found: dict[str, npt.NDArray[Any]]) -> str:
    for name, dtype in DTYPES.items():
        if found[name].dtype != dtype or found[name].ndim != 1:
            return f"{name} is {found[name].dtype} of {found[name].ndim} dimensions, not {dtype} of one"
    rows = found["number"].size
    for name in ROWS:
        if found[name].size != rows:
            return f"{name} has {found[name].size} rows of {rows}"
    for offsets, names in RAGGED.items():
        starts = found[offsets]
        if starts.size != rows + 1 or starts[0] != 0 or (np.diff(starts) < 0).any():
            return f"{offsets} are no offsets of {rows} rows"
        for name in names:
            if found[name].size != starts[-1]:
                return f"{name} has {found[name].size} entries, {offsets} end at {starts[-1]}"
    return ""
