"""Can this throughput be? A decode step reads every weight once, and memory is only so fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.outcome import Finding
from pytest_rawrxd.verdict.wording import number

Level = Literal["impossible", "suspicious", "normal", "low", "not judged"]

IMPOSSIBLE = 1.02  #: above the peak by more than clocks and datasheets differ
SUSPICIOUS = 0.90
LOW = 0.30
MEASURED_MARGIN = 1.25  #: what a read benchmark may miss of the true peak
CACHE_MARGIN = 4.0  #: weights below this many last-level caches are partly read from there


@dataclass(frozen=True)
class Plausibility:
    """Share of peak memory bandwidth that a throughput implies."""

    level: Level
    share: float | None  #: None where it is not judged
    sentence: str

    def finding(self) -> Finding | None:
        """Return INVALID for an impossible throughput, None for every other."""
        if self.level != "impossible":
            return None
        return invalid(
            self.sentence,
            next_step="check clock, token count and model: does the engine read this file, and all of it?",
            method="roofline",
        )


def plausibility(
    tokens_per_second: float,
    *,
    weight_bytes: float,
    kv_bytes: float = 0.0,
    streams: int = 1,
    tokens_per_step: float = 1.0,
    datasheet_bandwidth: float | None = None,
    measured_bandwidth: float | None = None,
    cache_bytes: float | None = None,
    impossible: float = IMPOSSIBLE,
    suspicious: float = SUSPICIOUS,
    low: float = LOW,
) -> Plausibility:
    """Return what share of peak bandwidth an aggregate ``tokens_per_second`` implies, and what to think of it.

    ``weight_bytes`` streamed per step, ``kv_bytes`` read per stream and step, ``tokens_per_step`` each stream gains per
    step (above 1 with speculative decoding); bandwidths in bytes/s. The datasheet peak counts where there is one, else
    the measured read bandwidth x 1.25; without either, or with weights below four last-level caches on a measured
    bandwidth, nothing is judged and that is said. Source: S. Williams, A. Waterman, D. Patterson, CACM 52 (2009).
    """
    if min(tokens_per_second, weight_bytes, kv_bytes, tokens_per_step) < 0 or streams < 1 or tokens_per_step == 0:
        raise EvidenceProblem(
            "A throughput, its bytes and its streams are positive",
            found=f"{tokens_per_second} tok/s, {weight_bytes} B, {streams} streams",
        )
    if datasheet_bandwidth is not None:
        peak, of = datasheet_bandwidth, "datasheet peak"
    elif measured_bandwidth is not None:
        peak, of = measured_bandwidth * MEASURED_MARGIN, f"measured bandwidth x {MEASURED_MARGIN}"
        if cache_bytes is not None and weight_bytes < CACHE_MARGIN * cache_bytes:
            return Plausibility(
                "not judged",
                None,
                f"plausibility is not judged: {number(weight_bytes / 1e6)} MB of weights are below "
                f"{CACHE_MARGIN:g} x the last-level cache of {number(cache_bytes / 1e6)} MB",
            )
    else:
        return Plausibility("not judged", None, "plausibility is not judged: no datasheet peak, no measured bandwidth")
    moved = weight_bytes + streams * kv_bytes
    share = tokens_per_second / (streams * tokens_per_step) * moved / peak
    level: Level = "normal"
    said = "is within what memory allows"
    if share > impossible:
        level, said = "impossible", "is physically impossible"
    elif share > suspicious:
        level, said = "suspicious", "is suspiciously close to the peak"
    elif share < low:
        level, said = "low", "leaves most of the bandwidth unused"
    return Plausibility(
        level,
        share,
        f"{number(tokens_per_second)} tok/s with {number(moved / 1e9)} GB a step needs {number(share)} x the {of} of "
        f"{number(peak / 1e9)} GB/s: {said}",
    )


def largest_weights(tokens_per_second: float, *, bandwidth: float, share: float = 0.85) -> float:
    """Return the weight bytes at which one stream of ``tokens_per_second`` uses ``share`` of ``bandwidth``, bytes/s."""
    if tokens_per_second <= 0:
        raise EvidenceProblem("A throughput is positive", found=f"{tokens_per_second} tok/s")
    return share * bandwidth / tokens_per_second
