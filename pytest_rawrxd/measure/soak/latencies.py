"""The latencies of bursts as histograms of time blocks, small enough for a ledger record each."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.histogram import Histogram, Integers, bin_count, merge, record
from pytest_rawrxd.measure.intervals import token_intervals

_PLAIN = ("blocks", "totals", "total_ns", "longest_ns", "bounds_ns", "over", "over_ns")
ENTRY_BYTES = 4


@dataclass(frozen=True, eq=False)
class Answers:
    """What a burst of k requests received; instants in ns on one clock."""

    submitted_ns: Integers  #: (k,)
    ended_ns: Integers  #: (k,)
    offsets: Integers  #: (k + 1,) into stamps_ns
    stamps_ns: Integers  #: (tokens,)
    completed: npt.NDArray[np.bool_]  #: (k,) every token asked for, ended by its length
    reasons: Mapping[str, int]  #: why requests ended, counted

    @property
    def coalesced(self) -> int:
        """Tokens that share their instant with the one before: nobody knows the gaps between them."""
        return int(np.count_nonzero(token_intervals(self.offsets, self.stamps_ns).shared))


def gaps_of(answers: Answers, *, streams: int) -> tuple[Integers, Integers]:
    """The gaps between tokens while all streams were busy, and the instant at which each ended, both (n,).

    From the instant at which the last of ``streams`` slots was taken to the one at which the first was left for good;
    slots are refilled at once. The first interval of each request is dropped. A burst of fewer requests than streams
    counts as one with as many streams.
    """
    busy = min(streams, answers.submitted_ns.size)
    nothing = np.empty(0, np.int64)
    if not busy or not answers.stamps_ns.size:
        return nothing, nothing
    begin = int(np.sort(answers.submitted_ns)[busy - 1])
    end = int(np.sort(answers.ended_ns)[answers.ended_ns.size - busy])
    found, stamps = token_intervals(answers.offsets, answers.stamps_ns), answers.stamps_ns
    kept = (found.position > 1) & (stamps - found.gap_ns >= begin) & (stamps <= end)
    return found.gap_ns[kept], stamps[kept]


class Blocks:
    """Histograms of the blocks that are not written yet."""

    def __init__(self, bounds_ns: Sequence[int]) -> None:
        self._bounds = tuple(sorted(set(bounds_ns)))
        self._open: dict[int, Histogram] = {}

    def add(self, gaps_ns: Integers, block: Integers) -> None:
        """Count gaps (n,) into their blocks (n,)."""
        for number in np.unique(block).tolist():
            counted = record(gaps_ns[block == number], block=number, bounds_ns=self._bounds)
            self._open[number] = merge(self._open[number], counted) if number in self._open else counted

    def take(self, number: int) -> Histogram | None:
        """The histogram of a block, which is closed then; None where nothing was counted."""
        return self._open.pop(number, None)


def packed(histogram: Histogram) -> dict[str, Any]:
    """A histogram of one block as plain values: exact counters as they are, bins and counts as compressed text."""
    entries = np.concatenate([histogram.bins.astype("<u4"), histogram.counts.astype("<u4")])
    plain = {name: getattr(histogram, name).ravel().tolist() for name in _PLAIN}
    return {**plain, "entries": base64.b64encode(zlib.compress(entries.tobytes(), 6)).decode("ascii")}


def unpacked(stored: Sequence[Mapping[str, Any]]) -> Histogram:
    """The histogram of many blocks of ``packed``, rising and each once; EvidenceProblem where one cannot be that."""
    bins, counts, sizes = [], [], [0]
    try:
        for each in stored:
            if len(each["blocks"]) != 1 or each["bounds_ns"] != stored[0]["bounds_ns"]:
                raise EvidenceProblem("a block of the soak has other bounds than the first one")
            entries = np.frombuffer(_inflated(base64.b64decode(each["entries"], validate=True)), "<u4")
            half = entries.size // 2
            bins.append(entries[:half])
            counts.append(entries[half:])
            sizes.append(half)
        columns = {name: np.array([each[name] for each in stored], np.int64) for name in _PLAIN}
    except (KeyError, ValueError, TypeError, zlib.error) as error:
        raise EvidenceProblem("a block of the soak cannot be read", found=repr(error)) from error
    return Histogram.from_arrays(
        {
            "starts": np.cumsum(sizes),
            "bins": np.concatenate(bins),
            "counts": np.concatenate(counts),
            "bounds_ns": columns["bounds_ns"][0],
            "over": columns["over"],
            "over_ns": columns["over_ns"],
            **{name: columns[name][:, 0] for name in ("blocks", "totals", "total_ns", "longest_ns")},
        }
    )


def _inflated(stored: bytes) -> bytes:
    """The entries of one block. Raises ValueError where they are more than there are bins, or not whole."""
    inflate, most = zlib.decompressobj(), 2 * ENTRY_BYTES * bin_count()
    entries = inflate.decompress(stored, most + 1)
    if len(entries) > most or len(entries) % (2 * ENTRY_BYTES) or not inflate.eof:
        raise ValueError(f"a block holds one bin and one count, 4 bytes each, of at most {bin_count()} bins")
    return entries
