"""Where a function crosses zero, by halving: ``scipy.optimize`` costs 15 MB of a suite that watches for two days."""

from __future__ import annotations

from collections.abc import Callable

from pytest_rawrxd.errors import EvidenceProblem


def crossing(of: Callable[[float], float], low: float, high: float) -> float:
    """Return where ``of`` changes its sign between ``low`` and ``high``, to the last bit that halving can tell.

    EvidenceProblem where it has the same sign at both ends.
    """
    below, above = of(low), of(high)
    if below == 0 or above == 0:
        return low if below == 0 else high
    if (below > 0) is (above > 0):
        raise EvidenceProblem("A function without a crossing", found=f"{below:g} at {low:g}, {above:g} at {high:g}")
    while low < (middle := (low + high) / 2) < high:
        if (of(middle) > 0) is (below > 0):
            low = middle
        else:
            high = middle
    return middle
