"""The Universal Scalability Law, as advice: what holds throughput back as streams are added."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.sample import Floats, positive, same_length


@dataclass(frozen=True)
class Scalability:
    """X(N) = rate N / (1 + contention (N - 1) + coherency N (N - 1)). It decides nothing."""

    rate: float  #: of one stream, in the unit of the throughputs
    contention: float
    coherency: float
    residual: float  #: largest relative difference between the law and a measured throughput

    @property
    def peak_streams(self) -> float | None:
        """Number of streams with the highest throughput; None when the law sees no peak."""
        if self.coherency <= 0 or self.contention >= 1:
            return None
        return math.sqrt((1 - self.contention) / self.coherency)

    def throughput(self, streams: npt.ArrayLike) -> Floats:
        """Return X(N) for ``streams`` (n,)."""
        count = np.asarray(streams, dtype=np.float64)
        slowed = 1 + self.contention * (count - 1) + self.coherency * count * (count - 1)
        return np.asarray(self.rate * count / slowed)


def scalability(streams: npt.ArrayLike, throughputs: npt.ArrayLike) -> Scalability:
    """Fit the law to aggregate ``throughputs`` (n,) at ``streams`` (n,), by non-negative least squares on N / X(N).

    Source: N. J. Gunther, Guerrilla Capacity Planning (2007). EvidenceProblem below four levels.
    """
    count, rates = positive(streams, "the streams"), positive(throughputs, "the throughputs")
    same_length(streams=count, throughputs=rates)
    if np.unique(count).size < 4:
        raise EvidenceProblem("Three coefficients need four levels", found=f"{np.unique(count).size} levels")
    from scipy import optimize  # noqa: PLC0415 - 20 MB, and only the report of the load test needs it

    design = np.column_stack([np.ones(count.size), count - 1, count * (count - 1)])
    # Relative residuals: a level with high throughput must not count less than a single stream.
    weights = rates / count
    (base, contention, coherency), _ = optimize.nnls(design * weights[:, np.newaxis], np.ones(count.size))
    if base <= 0:
        raise EvidenceProblem("Throughputs that no rate of a single stream explains")
    law = Scalability(1 / base, contention / base, coherency / base, 0.0)
    residual = float(np.abs(law.throughput(count) / rates - 1).max())
    return Scalability(law.rate, law.contention, law.coherency, residual)
