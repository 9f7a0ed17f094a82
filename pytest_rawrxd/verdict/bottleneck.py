"""Is decoding held back by memory bandwidth? Time per token against bytes per token, over the variants that fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.verdict.decide import at_least, at_most, invalid
from pytest_rawrxd.verdict.distributions import student
from pytest_rawrxd.verdict.means import mean_interval
from pytest_rawrxd.verdict.outcome import Finding, Interval, Verdict
from pytest_rawrxd.verdict.sample import Floats, positive
from pytest_rawrxd.verdict.wording import bounds, number

Answer = Literal["CONFIRMED", "REFUTED", "UNDECIDED"]


@dataclass(frozen=True)
class Bottleneck:
    """time per token = fixed + slope x bytes per token."""

    answer: Answer
    slope: Interval  #: ms per GB (1e9 bytes); 1000 / slope is the bandwidth in GB/s that the variants show
    fixed: Interval  #: ms a token takes whatever its weights
    fixed_share: Interval  #: of the reference variant's time per token
    bandwidth_share: Interval  #: of the measured read bandwidth, by the reference variant
    variants: tuple[str, ...]
    reference: str


def regression(
    ms_per_token: Mapping[str, npt.ArrayLike],
    bytes_per_token: Mapping[str, float],
    *,
    read_bandwidth: float,
    reference: str = "Q8_0",
    most_fixed: float = 0.30,
    least_share: float = 0.60,
    confidence: float = 0.95,
) -> Bottleneck:
    """Return the fit and the answer it gives.

    ``ms_per_token`` holds runs (n,) of each variant, interleaved, ``bytes_per_token`` its weights read per step,
    ``read_bandwidth`` the measured one in bytes/s, ``reference`` the largest variant that fits. Weighted least squares
    over the variants' means, weights 1 / variance of the mean, the scale taken from the residuals: variants differ in
    more than bytes, and that difference widens the bounds. CONFIRMED iff the slope's lower bound is above 0, the fixed
    share's upper bound at most ``most_fixed`` and the bandwidth share's lower bound at least ``least_share``; REFUTED
    iff one of them is beyond its limit with both bounds. EvidenceProblem on times that are not positive.
    """
    names = tuple(ms_per_token)
    runs = {name: positive(ms_per_token[name], f"the times of {name}") for name in names}
    size = np.array([bytes_per_token[name] / 1e9 for name in names])
    fixed, slope = _line(size, [runs[name] for name in names], confidence)
    taken = float(runs[reference].mean())
    shares = [None if end is None else end / taken for end in (fixed.lower, fixed.upper)]
    fixed_share = Interval(fixed.estimate / taken, shares[0], shares[1], fixed.n, None, fixed.method)
    streamed = bytes_per_token[reference] / (runs[reference] / 1000) / read_bandwidth
    bandwidth_share = mean_interval(streamed, confidence=confidence)
    verdicts = (
        at_least(slope.lower, slope.upper, limit=0.0),
        at_most(fixed_share.lower, fixed_share.upper, limit=most_fixed),
        at_least(bandwidth_share.lower, bandwidth_share.upper, limit=least_share),
    )
    answer: Answer = "UNDECIDED"
    if Verdict.FAIL in verdicts:
        answer = "REFUTED"
    elif set(verdicts) == {Verdict.PASS}:
        answer = "CONFIRMED"
    return Bottleneck(answer, slope, fixed, fixed_share, bandwidth_share, names, reference)


def bottleneck(
    ms_per_token: Mapping[str, npt.ArrayLike],
    bytes_per_token: Mapping[str, float],
    *,
    read_bandwidth: float | None,
    reference: str = "Q8_0",
    min_runs: int = 3,
    most_fixed: float = 0.30,
    least_share: float = 0.60,
    confidence: float = 0.95,
) -> Finding:
    """Judge "memory bandwidth is the bottleneck" from `regression`; unit: share of read bandwidth.

    PASS iff CONFIRMED, FAIL iff REFUTED, INCONCLUSIVE while undecided.
    """
    if read_bandwidth is None or read_bandwidth <= 0:
        return invalid("the read bandwidth was not measured", next_step="measure it before the variants")
    found = _unusable(ms_per_token, reference, min_runs)
    if found is not None:
        return found
    seen = regression(
        ms_per_token,
        bytes_per_token,
        read_bandwidth=read_bandwidth,
        reference=reference,
        most_fixed=most_fixed,
        least_share=least_share,
        confidence=confidence,
    )
    verdict = {"CONFIRMED": Verdict.PASS, "REFUTED": Verdict.FAIL}.get(seen.answer, Verdict.INCONCLUSIVE)
    slope, fixed, share = (
        bounds(part.estimate, part.lower, part.upper) for part in (seen.slope, seen.fixed_share, seen.bandwidth_share)
    )
    return Finding(
        verdict,
        f"{seen.answer}: {slope} ms per GB, fixed share {fixed} of "
        f"{reference} (at most {number(most_fixed)}), {reference} reads {share} of the measured bandwidth "
        f"(at least {number(least_share)})",
        seen.bandwidth_share.estimate,
        seen.bandwidth_share.lower,
        seen.bandwidth_share.upper,
        least_share,
        sum(len(np.asarray(values)) for values in ms_per_token.values()),
        None,
        seen.slope.method,
        deciding={
            "quantity": "answer",
            "answer": seen.answer,
            "slope_ms_per_gb": seen.slope.estimate,
            "fixed_share": seen.fixed_share.estimate,
            "bandwidth_share": seen.bandwidth_share.estimate,
        },
        next="more interleaved rounds, and every variant that fits" if verdict is Verdict.INCONCLUSIVE else None,
    )


def _line(size: Floats, runs: list[Floats], confidence: float) -> tuple[Interval, Interval]:
    means = np.array([float(values.mean()) for values in runs])
    # Equal runs would weigh infinitely; no mean is known better than to a part in 10,000 (the clock and the cut).
    variances = np.array([max(float(values.var(ddof=1)) / values.size, (1e-4 * values.mean()) ** 2) for values in runs])
    design = np.column_stack([np.ones(size.size), size]) / np.sqrt(variances)[:, np.newaxis]
    inverse = np.linalg.inv(design.T @ design)
    scaled = means / np.sqrt(variances)
    weights = inverse @ design.T @ scaled
    freedom = size.size - 2
    residual = float(((scaled - design @ weights) ** 2).sum()) / freedom
    covariance = inverse * max(1.0, residual)
    quantile = student(confidence, freedom)
    method = f"weighted least squares over {size.size} variants"
    fixed, slope = (
        Interval(
            float(weights[at]),
            float(weights[at]) - quantile * math.sqrt(covariance[at, at]),
            float(weights[at]) + quantile * math.sqrt(covariance[at, at]),
            int(size.size),
            None,
            method,
        )
        for at in (0, 1)
    )
    return fixed, slope


def _unusable(runs: Mapping[str, npt.ArrayLike], reference: str, min_runs: int) -> Finding | None:
    if len(runs) < 3:
        return invalid(f"{len(runs)} variants fit, a line with an error needs three", next_step="measure more variants")
    if reference not in runs:
        return invalid(f"{reference} was not measured", next_step=f"measure {reference}, or name the largest that fits")
    fewest = min(len(np.asarray(values)) for values in runs.values())
    if fewest < max(2, min_runs):
        return invalid(
            f"{fewest} runs of a variant, at least {min_runs} are needed", next_step="more interleaved rounds", n=fewest
        )
    return None
