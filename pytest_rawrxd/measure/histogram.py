"""Latencies of any length of run in a few megabytes: log-spaced bins per block, and exact counters at the bounds.

Bins grow by gamma = (1 + a) / (1 - a) with a = 0.005 from 1 us to 1 h, so a quantile read from them is within 0.5 % of
the true one; this is the mapping of DDSketch (Masson, Rim, Lee, VLDB 12, 2019). Judgements use the exact counters at
the bounds and carry no bin error. All state is whole numbers and the bin of a value is found without a logarithm, so
histograms of different hosts add up to the same bits in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal, localcontext
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem

Integers = npt.NDArray[np.int64]

ACCURACY = 0.005  #: relative error of a quantile
LEAST_NS = 1_000
MOST_NS = 3_600_000_000_000
_CELL_BITS = 8  #: cells of the look-up are narrower than a bin: 2**-8 < gamma - 1
_CELL_SHIFT = 52 - _CELL_BITS
_CHUNK = 65_536  #: values counted at once: their intermediate arrays stay in the processor's cache, twice as fast


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of B blocks. Bins and counts of block b are the entries ``starts[b]:starts[b + 1]``, bins rising."""

    blocks: Integers  #: (B,) block numbers, rising; a campaign numbers the blocks of all its runs differently
    starts: Integers  #: (B + 1,)
    bins: npt.NDArray[np.uint16]  #: (entries,) 0 holds everything up to 1 us, the last everything above 1 h
    counts: npt.NDArray[np.uint32]  #: (entries,) at least 1
    totals: Integers  #: (B,) values in the block
    total_ns: Integers  #: (B,) their sum
    longest_ns: Integers  #: (B,) the longest of them
    bounds_ns: Integers  #: (L,) rising
    over: Integers  #: (B, L) values above each bound, exact
    over_ns: Integers  #: (B, L) the sum of those values

    @property
    def total(self) -> int:
        """Number of values in all blocks."""
        return int(self.totals.sum())

    def dense(self) -> Integers:
        """Return the counts of all blocks together, (bins,)."""
        weights = np.bincount(self.bins, weights=self.counts, minlength=bin_count())
        return weights.astype(np.int64)

    def above(self, edge: int) -> Integers:
        """Return how many values of each block lie in bins after bin ``edge``, (B,)."""
        return self._per_block(np.where(self.bins > edge, self.counts, 0))

    def time_above(self, edge: int) -> Integers:
        """Return the time in ns that values in bins after ``edge`` take in each block, (B,), within 0.5 %."""
        taken = self.counts * middles_ns()[self.bins]
        return self._per_block(np.where(self.bins > edge, np.rint(taken), 0))

    def quantile_ns(self, share: float) -> float:
        """Return the value in ns that ``share`` of all values do not exceed, within 0.5 %.

        Values up to 1 us read as 1 us, values above 1 h as the longest one. EvidenceProblem on an empty histogram.
        """
        return float(self.read_ns(self.quantile_bin(share)))

    def quantile_bin(self, share: float, *, by_time: bool = False) -> int:
        """Return the bin that holds the quantile: of the values, or with ``by_time`` of the time they take."""
        if not 0 <= share <= 1:
            raise EvidenceProblem("A quantile outside 0 to 1", found=str(share))
        if self.total == 0:
            raise EvidenceProblem("An empty histogram has no quantile", possible="measure before judging")
        weights = self.dense() * (middles_ns() if by_time else 1)
        reached = np.cumsum(weights)
        rank = min(max(share * reached[-1], np.nextafter(0, 1)), reached[-1])
        return int(np.searchsorted(reached, rank))

    def read_ns(self, at: int) -> float:
        """Return the value in ns that stands for bin ``at``."""
        return float(self.longest_ns.max()) if at == bin_count() - 1 else float(middles_ns()[at])

    def bound(self, bound_ns: int) -> int:
        """Return the column of ``bound_ns``; EvidenceProblem when nothing was counted at it."""
        column = np.flatnonzero(self.bounds_ns == bound_ns)
        if not column.size:
            raise EvidenceProblem(
                "No exact count was kept at this bound",
                found=f"{bound_ns} ns",
                possible=", ".join(f"{kept} ns" for kept in self.bounds_ns),
            )
        return int(column[0])

    def to_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays by name, for ``numpy.savez``."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Histogram:
        """Return the histogram of ``to_arrays``; EvidenceProblem when the arrays contradict each other."""
        missing = [field.name for field in fields(cls) if field.name not in arrays]
        if missing:
            raise EvidenceProblem("A stored histogram lacks arrays", found=", ".join(missing))
        found = cls(
            **{
                field.name: np.asarray(arrays[field.name]).astype(
                    {"bins": np.uint16, "counts": np.uint32}.get(field.name, np.int64)
                )
                for field in fields(cls)
            }
        )
        shapes = (found.starts.size == found.blocks.size + 1, found.over.shape == found.over_ns.shape)
        if not (all(shapes) and found.over.shape == (found.blocks.size, found.bounds_ns.size)):
            raise EvidenceProblem("The arrays of a stored histogram do not fit each other")
        named = np.asarray(arrays["bins"])
        if named.size and not 0 <= int(named.min()) <= int(named.max()) < bin_count():
            raise EvidenceProblem(
                "A stored histogram names a bin that there is not", possible=f"0 to {bin_count() - 1}"
            )
        if not np.array_equal(found._per_block(found.counts), found.totals):
            raise EvidenceProblem("A stored histogram counts other values than it holds")
        return found

    def _per_block(self, entries: npt.NDArray[np.generic]) -> Integers:
        summed = np.concatenate([[0], np.cumsum(entries.astype(np.int64))])
        return np.diff(summed[self.starts])


def record(gaps_ns: npt.ArrayLike, *, block: npt.ArrayLike = 0, bounds_ns: Sequence[int]) -> Histogram:
    """Count whole nanoseconds ``gaps_ns`` (n,) into blocks ``block`` (n,) or one number for all.

    Each of ``bounds_ns`` gets an exact counter. EvidenceProblem on a negative value or a value that is not whole.
    """
    gaps = np.asarray(gaps_ns)
    if gaps.ndim != 1 or not (np.issubdtype(gaps.dtype, np.integer) or gaps.size == 0):
        raise EvidenceProblem("Latencies are whole nanoseconds", found=f"{gaps.dtype} of shape {gaps.shape}")
    gaps = gaps.astype(np.int64, copy=False)
    if gaps.size and int(gaps.min()) < 0:
        at = int(gaps.argmin())
        raise EvidenceProblem("A latency is negative", where=f"position {at} of {gaps.size}", found=f"{gaps[at]} ns")
    bounds = np.unique(np.asarray(bounds_ns, dtype=np.int64))
    if np.ndim(block) == 0:
        one = int(np.asarray(block))
        chunks = [gaps[at : at + _CHUNK] for at in range(0, gaps.size, _CHUNK)]
        return _joined([_block(chunk, one, bounds) for chunk in chunks], bounds)
    numbers = np.asarray(block, dtype=np.int64)
    if numbers.shape != gaps.shape:
        raise EvidenceProblem("Each latency needs its block", found=f"{numbers.shape} blocks for {gaps.shape}")
    order = np.argsort(numbers, kind="stable")
    present, starts = np.unique(numbers[order], return_index=True)
    parts = np.split(gaps[order], starts[1:]) if present.size else []
    return _joined([_block(part, int(one), bounds) for one, part in zip(present, parts, strict=True)], bounds)


def merge(*histograms: Histogram) -> Histogram:
    """Return the sum: counts of equal blocks add up, other blocks stand beside each other. Order does not matter."""
    if not histograms:
        raise EvidenceProblem("Nothing to merge", possible="one histogram or more")
    bounds = histograms[0].bounds_ns
    if any(not np.array_equal(bounds, other.bounds_ns) for other in histograms):
        raise EvidenceProblem("Histograms with different bounds do not add up", possible="record all with one profile")
    blocks = np.concatenate([part.blocks for part in histograms])
    present, row = np.unique(blocks, return_inverse=True)
    lengths = np.concatenate([np.diff(part.starts) for part in histograms])
    keys = np.repeat(row, lengths) * bin_count() + np.concatenate([part.bins for part in histograms])
    entries, entry = np.unique(keys, return_inverse=True)
    counts = np.zeros(entries.size, dtype=np.int64)
    np.add.at(counts, entry, np.concatenate([part.counts for part in histograms]).astype(np.int64))
    if counts.size and int(counts.max()) > np.iinfo(np.uint32).max:
        raise EvidenceProblem("A bin of one block holds more than 4,294,967,295 values", possible="shorter blocks")
    longest = np.zeros(present.size, dtype=np.int64)
    np.maximum.at(longest, row, np.concatenate([part.longest_ns for part in histograms]))

    def added(name: str) -> Integers:
        stacked = np.concatenate([getattr(part, name) for part in histograms])
        summed = np.zeros((present.size, *stacked.shape[1:]), dtype=np.int64)
        np.add.at(summed, row, stacked)
        return summed

    return Histogram(
        blocks=present,
        starts=np.searchsorted(entries // bin_count(), np.arange(present.size + 1)).astype(np.int64),
        bins=(entries % bin_count()).astype(np.uint16),
        counts=counts.astype(np.uint32),
        totals=added("totals"),
        total_ns=added("total_ns"),
        longest_ns=longest,
        bounds_ns=bounds,
        over=added("over"),
        over_ns=added("over_ns"),
    )


@cache
def edges_ns() -> Integers:
    """Return the upper edges of all bins but the last in whole ns, (bins - 1,): a value belongs to the first >= it.

    Rounding the edges down loses nothing: values are whole.
    """
    return np.array([int(edge) for edge in _exact_edges()], dtype=np.int64)


@cache
def middles_ns() -> npt.NDArray[np.float64]:
    """Return the value that stands for each bin, (bins,): within 0.5 % of all that the bin holds."""
    edges = _exact_edges()
    inner = [2 * low * high / (low + high) for low, high in pairwise(edges)]
    return np.array([float(middle) for middle in (edges[0], *inner, edges[-1])])


@cache
def _exact_edges() -> tuple[Decimal, ...]:
    """Return the edges in decimal arithmetic, so that every host has the same ones."""
    with localcontext() as context:
        context.prec = 60
        gamma = (1 + Decimal(str(ACCURACY))) / (1 - Decimal(str(ACCURACY)))
        edges = [Decimal(LEAST_NS)]
        while edges[-1] < MOST_NS:
            edges.append(edges[-1] * gamma)
        return (*edges[:-1], Decimal(MOST_NS))


def bin_count() -> int:
    """Return the number of bins."""
    return int(edges_ns().size) + 1


def bins_of(gaps_ns: Integers) -> npt.NDArray[np.intp]:
    """Return the bin of each value (n,): a table look-up by the leading bits of the number, then one comparison."""
    first, table, edges = _cells()
    guess: npt.NDArray[np.intp]
    clipped = np.clip(gaps_ns, 1, MOST_NS + 1)
    cells = (clipped.astype(np.float64).view(np.int64) >> _CELL_SHIFT) - first
    guess = table[cells]
    guess += clipped > edges[guess]
    return guess


def _joined(parts: list[Histogram], bounds: Integers) -> Histogram:
    if len(parts) == 1:
        return parts[0]
    return merge(*parts) if parts else _block(np.empty(0, dtype=np.int64), None, bounds)


def _block(gaps: Integers, number: int | None, bounds: Integers) -> Histogram:
    counts = np.bincount(bins_of(gaps), minlength=bin_count())
    used = np.flatnonzero(counts)
    rows = 0 if number is None else 1
    over, over_ns = np.zeros((2, rows, bounds.size), dtype=np.int64)
    for column, bound in enumerate(bounds[: bounds.size if rows else 0]):
        mask = gaps > bound
        over[0, column] = np.count_nonzero(mask)
        if not over[0, column]:
            break
        over_ns[0, column] = (gaps * mask).sum()
    return Histogram(
        blocks=np.array([] if number is None else [number], dtype=np.int64),
        starts=np.array([0, used.size][: rows + 1], dtype=np.int64),
        bins=used.astype(np.uint16),
        counts=counts[used].astype(np.uint32),
        totals=np.full(rows, gaps.size, dtype=np.int64),
        total_ns=np.full(rows, gaps.sum(), dtype=np.int64),
        longest_ns=np.full(rows, gaps.max(initial=0), dtype=np.int64),
        bounds_ns=bounds,
        over=over,
        over_ns=over_ns,
    )


@cache
def _cells() -> tuple[int, npt.NDArray[np.intp], Integers]:
    """Return the first cell, the lowest bin that each cell can hold, and the edges with a sentinel."""
    edges = np.concatenate([edges_ns(), [np.iinfo(np.int64).max]])
    low, high = (int(np.float64(end).view(np.int64)) >> _CELL_SHIFT for end in (1, MOST_NS + 1))
    begins = (np.arange(low, high + 1, dtype=np.int64) << _CELL_SHIFT).view(np.float64)
    return low, np.searchsorted(edges, begins), edges
