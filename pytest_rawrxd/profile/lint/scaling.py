"""What is demanded of many streams at once: shares of one number that do not agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_rawrxd.profile.criterion import Criterion
from pytest_rawrxd.profile.lint.bounds import ends, high, low, point, promising, written
from pytest_rawrxd.profile.lint.finding import LintFinding, Severity, number
from pytest_rawrxd.profile.profile import Profile
from pytest_rawrxd.profile.units import convert


@dataclass(frozen=True)
class _Demand:
    criterion: Criterion
    rate: float  #: tok/s of all streams together
    text: str
    expected: float | None = None  #: the same of what the criterion expects


def scaling_findings(profile: Profile) -> Iterator[LintFinding]:
    """Bounds on latency, throughput and efficiency of the same streams that ask for different speeds."""
    for streams in profile.protocol.phase2.levels:
        yield from _demands(profile, streams)
        yield from _means(profile, streams)
    yield from _bursts(profile)


def _demands(profile: Profile, streams: int) -> Iterator[LintFinding]:
    single = _single_stream(profile)
    if single is None:
        return
    one = point(single, "tok/s")
    demands = sorted(_demands_at(profile, streams, one), key=lambda demand: demand.rate)
    whole = streams * one
    if len({number(demand.rate) for demand in demands}) < 2:
        return
    # A floor may be far below the speed that is really there: only more than the whole of it says something.
    if single.kind == "floor" and demands[-1].rate <= whole:
        return
    expected = max((demand.expected for demand in demands if demand.expected is not None), default=None)
    if expected is not None and demands[-1].rate <= expected:
        return  # the one number that all of them ask about is known, and keeps them all
    parts = "; ".join(
        f"{demand.criterion.id} {demand.text} is {number(demand.rate)} tok/s, {number(100 * demand.rate / whole)} %"
        for demand in demands
    )
    yield LintFinding(
        Severity.CONTRADICTORY,
        tuple(demand.criterion.id for demand in demands),
        f"of {streams} x {written(one, 'tok/s')} ({single.id}) = {number(whole)} tok/s: {parts}",
        demands[-1].criterion.bound_at,
    )


def _single_stream(profile: Profile) -> Criterion | None:
    of_variant = {"variant": profile.protocol.phase2.variant}
    return next(
        (speed for kind in ("equivalence", "floor") for speed in promising(profile, "decode_tps", kind, **of_variant)),
        None,
    )


def _demands_at(profile: Profile, streams: int, one: float) -> Iterator[_Demand]:
    """The demands whose bound stands here: a borrowed bound contradicts where its owner does."""
    for criterion in profile.criteria.values():
        if criterion.not_applicable or criterion.bound_of or criterion.where.get("streams") != streams:
            continue
        match criterion.metric, criterion.kind:
            case "scaling_efficiency", _:
                share, hoped = low(criterion, "ratio"), _expected(criterion, "ratio")
                reached = None if hoped is None else hoped * streams * one
                yield _Demand(criterion, share * streams * one, f">= {written(100 * share, '%')}", reached)
            case "aggregate_tps", "floor":
                rate = low(criterion, "tok/s")
                yield _Demand(criterion, rate, f">= {written(rate, 'tok/s')}", _expected(criterion, "tok/s"))
            case "inter_token_latency", _ if criterion.quantile == 0.5:
                gap, hoped = high(criterion, "ms"), _expected(criterion, "ms")
                reached = None if hoped is None else 1000 * streams / hoped
                yield _Demand(criterion, 1000 * streams / gap, f"<= {written(gap, 'ms')}", reached)


def _expected(criterion: Criterion, unit: str) -> float | None:
    return None if criterion.expected is None else convert(criterion.expected, criterion.unit, unit)


def _means(profile: Profile, streams: int) -> Iterator[LintFinding]:
    """A mean time per token is a throughput; it must meet the throughput and the median that stand beside it."""
    for mean in promising(profile, "mean_inter_token_latency", streams=streams):
        shortest, longest = ends(mean, "ms")
        if shortest is None or longest is None:
            continue
        slow, fast = 1000 * streams / longest, 1000 * streams / shortest
        band = f"a mean of {number(shortest)}-{number(longest)} ms"
        for rate in promising(profile, "aggregate_tps", streams=streams):
            if fast <= low(rate, "tok/s"):
                lower, upper = ends(rate, "tok/s")
                asked = f">= {written(low(rate, 'tok/s'), 'tok/s')}"
                if lower is not None and upper is not None:
                    asked = f"{number(lower)}-{number(upper)} tok/s"
                sentence = (
                    f"{band} at {streams} streams is {number(slow)}-{number(fast)} tok/s, {rate.id} asks for {asked}"
                )
                yield LintFinding(Severity.CONTRADICTORY, (mean.id, rate.id), sentence, mean.bound_at)
        for median in promising(profile, "inter_token_latency", "quantile", streams=streams):
            hoped = [_expected(each, "ms") for each in (mean, median)]
            if hoped[0] is not None and hoped[1] is not None and hoped[0] > hoped[1]:
                continue  # whoever expects a mean above the median, such as a pilot, expects the tail
            if median.quantile == 0.5 and median.bound_of is None and shortest > high(median, "ms"):
                allowed = written(high(median, "ms"), "ms")
                sentence = f"{band} does not go with a median of at most {allowed}: that needs a long tail"
                yield LintFinding(Severity.CONTRADICTORY, (mean.id, median.id), sentence, mean.bound_at)


def _bursts(profile: Profile) -> Iterator[LintFinding]:
    """A soak is called light; bursts that take longer than the time between them are not."""
    soak = profile.protocol.soak
    every = soak.burst_every.to("s")
    fewest, most = soak.burst_requests
    for rate in promising(profile, "aggregate_tps", "floor", streams=soak.streams):
        capacity, tokens = low(rate, "tok/s"), most * soak.tokens
        if tokens / every > capacity:
            sentence = (
                f"soak bursts of {fewest}-{most} x {soak.tokens} tokens every {soak.burst_every} are "
                f"{number(fewest * soak.tokens / every)}-{number(tokens / every)} tok/s, no light load: "
                f"{most} requests take {number(tokens / capacity)} s at {written(capacity, 'tok/s')}"
            )
            yield LintFinding(Severity.CONTRADICTORY, (rate.id,), sentence, rate.bound_at)
