"""From token instants to the interval that each token waited, also where one read brought several tokens.

A client sees one instant for all tokens of a read. What lay between them nobody knows; it was at most the wait for
that read, so each of them counts with it: a figure of such intervals may be worse than the truth, never better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Intervals:
    """One entry per token, all (tokens,)."""

    gap_ns: Integers  #: how long the read that brought it was waited for, since the read before; 0 at position 0
    position: Integers  #: in its request, from 0; all tokens of a request's first read stand at 0
    request: Integers  #: index of its request
    shared: npt.NDArray[np.bool_]  #: came in one read with the token before it


def token_intervals(offsets: Integers, stamps_ns: Integers) -> Intervals:
    """The intervals of the tokens of k requests: ``offsets`` (k + 1,) into ``stamps_ns`` (tokens,), ns of one clock.

    The caller has checked that the offsets fit and that instants do not go back within a request.
    """
    request = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    number = np.arange(stamps_ns.size)
    position = number - offsets[:-1][request]
    gap_ns = np.diff(stamps_ns, prepend=stamps_ns[:1])
    shared = (gap_ns == 0) & (position > 0)
    leads = np.maximum.accumulate(np.where(shared, 0, number))
    first = position[leads] == 0
    return Intervals(np.where(first, 0, gap_ns[leads]), np.where(first, 0, position), request, shared)
