"""Expectations that contradict a band, another variant, or the test that is to show them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations

from pytest_rawrxd.profile.criterion import Criterion
from pytest_rawrxd.profile.lint.bounds import ends, high, low, point, promising, written
from pytest_rawrxd.profile.lint.finding import LintFinding, Severity, number
from pytest_rawrxd.profile.profile import Profile


def expectation_findings(profile: Profile) -> Iterator[LintFinding]:
    """Expected values that cannot all come true together."""
    yield from _faster_though_larger(profile)
    yield from _above_the_band(profile)
    yield from _time_against_speed(profile)
    yield from _band_below_full(profile)
    yield from _on_the_edge(profile)
    yield from _hidden_leak(profile)


def _faster_though_larger(profile: Profile) -> Iterator[LintFinding]:
    bottlenecks = list(promising(profile, "bottleneck_confirmed"))
    if bottlenecks and all(each.informative for each in bottlenecks):
        return  # the profile does not promise that memory is what a token waits for
    speeds = [
        criterion for criterion in promising(profile, "decode_tps", "equivalence") if criterion.informative is False
    ]
    for fast, slow in permutations(speeds, 2):
        sizes = [next(promising(profile, "vram_used", variant=each.where["variant"]), None) for each in (fast, slow)]
        if sizes[0] is None or sizes[1] is None:
            continue
        rates = point(fast, "tok/s"), point(slow, "tok/s")
        bytes_read = point(sizes[0], "GB"), point(sizes[1], "GB")
        if rates[0] > rates[1] and bytes_read[0] > bytes_read[1]:
            sentence = (
                f"{fast.where['variant']} is expected faster, {written(rates[0], 'tok/s')} with "
                f"{written(bytes_read[0], 'GB')}, than {slow.where['variant']}, {written(rates[1], 'tok/s')} with "
                f"{written(bytes_read[1], 'GB')}: a token that reads more takes longer"
            )
            yield LintFinding(Severity.CONTRADICTORY, (fast.id, slow.id), sentence, fast.bound_at)


def _above_the_band(profile: Profile) -> Iterator[LintFinding]:
    for band in promising(profile, "decode_tps", "equivalence"):
        for floor in promising(profile, "decode_tps", "floor", "range", **band.where):
            if "backend" not in floor.where and low(floor, "tok/s") > high(band, "tok/s"):
                sentence = (
                    f">= {written(low(floor, 'tok/s'), 'tok/s')} lies above {band.id}, at most "
                    f"{written(high(band, 'tok/s'), 'tok/s')}: who reaches the one misses the other"
                )
                yield LintFinding(Severity.CONTRADICTORY, (floor.id, band.id), sentence, floor.bound_at)


def _time_against_speed(profile: Profile) -> Iterator[LintFinding]:
    for time in promising(profile, "time_per_token"):
        for band in promising(profile, "decode_tps", "equivalence", **time.where):
            allowed = high(time, "ms")
            rate = 1000 / allowed if allowed > 0 else math.inf
            lower, upper = low(band, "tok/s"), high(band, "tok/s")
            if not lower <= rate <= upper:
                sentence = (
                    f"{written(high(time, 'ms'), 'ms')} a token is {number(rate)} tok/s, outside {band.id}, "
                    f"{number(lower, 4)}-{number(upper, 4)} tok/s"
                )
                yield LintFinding(Severity.CONTRADICTORY, (time.id, band.id), sentence, time.bound_at)


def _band_below_full(profile: Profile) -> Iterator[LintFinding]:
    for band in promising(profile, "gpu_utilisation"):
        if band.bound_of is None and high(band, "%") < 100:
            sentence = (
                f"{number(low(band, '%'))}-{number(high(band, '%'))} % fails a card that is busy all the time: "
                f"100 % is {number(100 - high(band, '%'))} points above the band"
            )
            yield LintFinding(Severity.CONTRADICTORY, (band.id,), sentence, band.bound_at)


def _on_the_edge(profile: Profile) -> Iterator[LintFinding]:
    for criterion in profile.criteria.values():
        expected = criterion.expected
        if expected is None or criterion.not_applicable is not None:
            continue
        lower, upper = ends(criterion, criterion.unit)
        edge = expected in (lower, upper)
        if edge or (lower is not None and expected < lower) or (upper is not None and expected > upper):
            place = "is itself the end of" if edge else "lies outside"
            sentence = (
                f"the expected {written(expected, criterion.unit)} {place} what is accepted, {_accepted(criterion)}"
            )
            yield LintFinding(Severity.NOTE, (criterion.id,), sentence, criterion.bound_at)


def _accepted(criterion: Criterion) -> str:
    lower, upper = ends(criterion, criterion.unit)
    if lower is not None and upper is not None:
        return f"{number(lower)}-{number(upper)} {criterion.unit}"
    return f"{criterion.direction} {written(low(criterion, criterion.unit), criterion.unit)}"


def _hidden_leak(profile: Profile) -> Iterator[LintFinding]:
    """A restart resets a leak, so a difference of memory over the whole soak passes it every time."""
    soak = profile.protocol.soak
    if profile.kind == "rehearsal":
        return  # it looks for no leak of megabytes an hour
    hours, life = soak.duration.to("h"), soak.restart_every.to("h")
    for drift in promising(profile, "vram_drift", during="soak"):
        for delta in promising(profile, "vram_delta", during="soak"):
            leak = high(drift, "MB") / hours
            if life < hours and leak * life < high(delta, "MB"):
                sentence = (
                    f"the smallest leak that breaks {written(high(drift, 'MB'), 'MB')} in {soak.duration}, "
                    f"{number(leak)} MB/h, grows {number(leak * life)} MB in the {soak.restart_every} between "
                    f"restarts: {delta.id}, {written(high(delta, 'MB'), 'MB')}, never sees it"
                )
                yield LintFinding(Severity.CONTRADICTORY, (drift.id, delta.id), sentence, drift.bound_at)
