"""From token instants to inter-token gaps: which gaps count, and the three views of them.

A request's tokens are the entries ``offsets[i]:offsets[i + 1]`` of ``stamps_ns``; tokens of one chunk share an instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heapreplace

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.intervals import token_intervals
from pytest_rawrxd.verdict.sample import Integers, rising


@dataclass(frozen=True, eq=False)
class Gaps:
    """Intervals between consecutive tokens of one request, all (n,)."""

    gap_ns: Integers
    end_ns: Integers  #: instant of the later token
    request: Integers  #: index of the request
    coalesced: int = 0  #: tokens of the run that share their instant with the one before: ``checks.coalesced``

    def __len__(self) -> int:
        """Return the number of gaps."""
        return int(self.gap_ns.size)


@dataclass(frozen=True)
class Window:
    """The part of a run between ramp-up and ramp-down."""

    begin_ns: int
    end_ns: int
    full_share: float  #: share of the window during which exactly the asked number of streams is active

    @property
    def minutes(self) -> float:
        """Length of the window."""
        return (self.end_ns - self.begin_ns) / 60e9


@dataclass(frozen=True, eq=False)
class Views:
    """The three views of inter-token latency, in ns. None of them replaces another."""

    pooled: Integers  #: every gap
    request_mean: npt.NDArray[np.float64]  #: the mean gap of each request
    request_longest: Integers  #: the longest gap of each request


def token_gaps(offsets: npt.ArrayLike, stamps_ns: npt.ArrayLike, *, drop: int = 1, reads: bool = False) -> Gaps:
    """Return the gaps between tokens of k requests, without the first ``drop`` gaps of each.

    ``offsets`` (k + 1,) and ``stamps_ns`` (tokens,) in whole ns of one monotonic clock; the wait for the first token is
    no gap, and tokens of one read count with the wait for it. EvidenceProblem on offsets that do not fit and on
    instants that go back within a request.

    With ``reads``, each wait for a read once, so that the sum is the time that went by. What weighs gaps by their
    length needs that: a wait counted for several tokens is time that never was, and makes long ones a smaller share.
    """
    starts, stamps = tokens(offsets, stamps_ns)
    found = token_intervals(starts, stamps)
    kept = (found.position > drop) & ~(found.shared & reads)
    return Gaps(found.gap_ns[kept], stamps[kept], found.request[kept], int(np.count_nonzero(found.shared)))


def shared_reads(shared: int, tokens: int) -> str:
    """What has to be said of gaps when ``shared`` of ``tokens`` came with the one before; "" where none did."""
    return f"{shared} of {tokens} tokens shared a read and count with the wait for it" if shared else ""


def full_window(submitted_ns: npt.ArrayLike, ended_ns: npt.ArrayLike, *, streams: int) -> Window | None:
    """Return the window from the first to the last instant at which ``streams`` requests are active; None if never.

    ``submitted_ns`` and ``ended_ns`` (k,) in the order of submission. With ``streams`` slots, a request begins when it
    is submitted or when a slot becomes free, the later. Short dips between requests stay in the window: they are where
    the prefill of the next request stalls the others. ``full_share`` says how much of it is dips.
    """
    submitted = rising(submitted_ns, "the submissions").astype(np.int64)
    ended = np.asarray(ended_ns, dtype=np.int64)
    if submitted.shape != ended.shape or (ended < submitted).any():
        raise EvidenceProblem("A request ends before it is submitted, or has no end", found=f"{ended.size} ends")
    free = [-1] * streams
    heapify(free)
    begun = np.empty_like(submitted)
    for index, (start, end) in enumerate(zip(submitted.tolist(), ended.tolist(), strict=True)):
        begun[index] = max(start, free[0])
        heapreplace(free, end)
    instants = np.concatenate([ended, begun])  # an end before a beginning at the same instant: the slot is handed over
    change = np.concatenate([np.full(ended.size, -1), np.full(begun.size, 1)])
    order = np.argsort(instants, kind="stable")
    active, at = np.cumsum(change[order]), instants[order]
    full = np.flatnonzero(active[:-1] == streams)
    if not full.size:
        return None
    begin, end = int(at[full[0]]), int(at[full[-1] + 1])
    lengths = np.diff(at)[full]
    return Window(begin, end, float(lengths.sum() / (end - begin))) if end > begin else None


def inside(gaps: Gaps, window: Window) -> Gaps:
    """Return the gaps that begin and end inside ``window``."""
    kept = (gaps.end_ns - gaps.gap_ns >= window.begin_ns) & (gaps.end_ns <= window.end_ns)
    return Gaps(gaps.gap_ns[kept], gaps.end_ns[kept], gaps.request[kept], gaps.coalesced)


def block_of(gaps: Gaps, window: Window, *, length_s: float = 60.0, first: int = 0) -> Integers:
    """Return the time block of each gap (n,), by its end, numbered from ``first``.

    The rest after the last whole block belongs to that block: a short one would weigh as much as the others.
    """
    whole = max(1, int((window.end_ns - window.begin_ns) / (length_s * 1e9)))
    number = ((gaps.end_ns - window.begin_ns) / (length_s * 1e9)).astype(np.int64)
    return np.minimum(number, whole - 1) + first


def views(gaps: Gaps) -> Views:
    """Return the three views of ``gaps``; percentiles of the one are never averages of the other."""
    _, starts = np.unique(gaps.request, return_index=True)
    if not starts.size:
        return Views(gaps.gap_ns, np.empty(0), gaps.gap_ns)
    counts = np.diff(np.append(starts, gaps.gap_ns.size))
    return Views(gaps.gap_ns, np.add.reduceat(gaps.gap_ns, starts) / counts, np.maximum.reduceat(gaps.gap_ns, starts))


def request_rates(offsets: npt.ArrayLike, stamps_ns: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return tokens per second of each request (k,): tokens after the first over the time they took."""
    starts, stamps = tokens(offsets, stamps_ns)
    sizes = np.diff(starts)
    if (sizes < 2).any():
        at = int(np.flatnonzero(sizes < 2)[0])
        raise EvidenceProblem("A rate needs two tokens", where=f"request {at + 1}", found=f"{sizes[at]} tokens")
    taken = stamps[starts[1:] - 1] - stamps[starts[:-1]]
    if (taken == 0).any():
        at = int(np.flatnonzero(taken == 0)[0])
        raise EvidenceProblem("A request arrived in no time: its tokens came in one chunk", where=f"request {at + 1}")
    return (sizes - 1) / (taken / 1e9)


def tokens(offsets: npt.ArrayLike, stamps_ns: npt.ArrayLike) -> tuple[Integers, Integers]:
    """Return checked offsets (k + 1,) and instants (tokens,); EvidenceProblem where they contradict each other."""
    starts, stamps = np.asarray(offsets), np.asarray(stamps_ns)
    if not all(np.issubdtype(array.dtype, np.integer) or not array.size for array in (starts, stamps)):
        raise EvidenceProblem("Token instants are whole nanoseconds", found=f"{stamps.dtype}")
    starts, stamps = starts.astype(np.int64, copy=False), stamps.astype(np.int64, copy=False)
    if not starts.size or starts[0] != 0 or starts[-1] != stamps.size or (np.diff(starts) < 0).any():
        raise EvidenceProblem(
            "The offsets of the requests do not fit the token instants", found=f"{stamps.size} tokens"
        )
    back = np.diff(stamps) < 0
    inner = starts[1:-1] - 1
    back[inner[(inner >= 0) & (inner < back.size)]] = False
    if back.any():
        at = int(np.flatnonzero(back)[0]) + 1
        raise EvidenceProblem(
            "A token is earlier than the one before it",
            where=f"token {at} of {stamps.size}",
            found=f"{stamps[at]} ns after {stamps[at - 1]} ns",
            possible="instants of one monotonic clock",
        )
    return starts, stamps
