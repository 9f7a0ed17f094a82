"""Tokens per second x weights per token against the memory bandwidth of the card.

A dense decode step of one stream reads every weight once, so the product cannot exceed the peak.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_rawrxd.profile.criterion import Criterion
from pytest_rawrxd.profile.lint.bounds import low, point, promising, written
from pytest_rawrxd.profile.lint.finding import LintFinding, Severity, number
from pytest_rawrxd.profile.profile import Profile


@dataclass(frozen=True)
class _Weights:
    """Weights read for one token, in GB: as expected, at the low end of the promise, and who says so."""

    expected: float
    least: float
    origin: str


def bandwidth_findings(profile: Profile) -> Iterator[LintFinding]:
    """One finding for each speed that the memory bus cannot carry, or whose weights nobody promises."""
    if profile.hardware.peak_bandwidth is None:
        return
    peak = profile.hardware.peak_bandwidth.to("GB/s")
    for speed in promising(profile, "decode_tps"):
        variant = str(speed.where["variant"])
        if speed.where.get("backend") == "cpu" or profile.models.declaration(variant).exception is not None:
            continue
        weights = _weights(profile, variant)
        if weights is not None:
            yield from _judged(profile, speed, weights, peak)
        elif not speed.informative:
            rate = point(speed, "tok/s")
            sentence = f"{written(rate, 'tok/s')} on {written(peak, 'GB/s')} is {_feasible(profile, rate, peak)}"
            yield LintFinding(Severity.NOTE, (speed.id,), sentence, speed.bound_at)


def _weights(profile: Profile, variant: str) -> _Weights | None:
    declared = profile.models.declaration(variant).weights_per_token
    if declared is not None:
        return _Weights(declared.to("GB"), declared.to("GB"), f"models.declared.{variant}")
    memory = next(promising(profile, "vram_used", variant=variant), None)
    return None if memory is None else _Weights(point(memory, "GB"), low(memory, "GB"), memory.id)


def _judged(profile: Profile, speed: Criterion, weights: _Weights, peak: float) -> Iterator[LintFinding]:
    rate, gates = point(speed, "tok/s"), profile.gates
    traffic = rate * weights.expected
    if traffic / peak <= gates.bandwidth_suspicious.to("ratio"):
        return
    arithmetic = (
        f"{written(rate, 'tok/s')} x {written(weights.expected, 'GB')} ({weights.origin}) = {number(traffic)} GB/s, "
        f"{number(traffic / peak)} x the card's {written(peak, 'GB/s')}; {_feasible(profile, rate, peak)}"
    )
    possible = gates.bandwidth_impossible.to("ratio") * peak
    if traffic <= possible:
        yield LintFinding(Severity.NOTE, (speed.id,), f"close to the peak: {arithmetic}", speed.bound_at)
        return
    slowest = low(speed, "tok/s")
    lenient = slowest * weights.least
    if possible < lenient < traffic:
        ends = f"{number(slowest, 4)} tok/s x {written(weights.least, 'GB')}"
        arithmetic += f"; the low ends, {ends}, are still {number(lenient / peak)} x"
    yield LintFinding(Severity.IMPOSSIBLE, (speed.id,), arithmetic, speed.bound_at)


def _feasible(profile: Profile, rate: float, peak: float) -> str:
    shares = profile.hardware.reachable_bandwidth
    if shares is None:
        return f"feasible with {number(peak / rate, 2)} GB of weights at the peak"
    best, usual = (f"{number(share.to('ratio') * peak / rate, 2)} GB" for share in reversed(shares))
    return f"feasible with {best} of weights at {shares[1]} of the peak, {usual} at {shares[0]}"
