"""Alerts on what has a value at each scrape (memory, temperature, queue, users) and on rates with a bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_rawrxd.measure.probe import names
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.report.alerts.naming import alert_name, said
from pytest_rawrxd.report.alerts.rule import BROKEN, EARLY, Alert, Case, Recording, duration, figure
from pytest_rawrxd.report.alerts.series import Beat, beats, counter, gauge, level, steady
from pytest_rawrxd.report.alerts.terms import Terms, limit_of

SHARE = 100_000  #: requests between two scrapes of a test
SLOW = 10  #: a slow stretch decodes longer: it decides its window


@dataclass(frozen=True)
class Gauge:
    """A gauge that a criterion bounds from above."""

    metric: str
    unit: str  #: of the profile, in which the gauge is exported
    words: str  #: what the summary calls it
    advice: str


GAUGES = {
    "vram_used": Gauge(
        names.MEMORY,
        "B",
        "memory in use",
        "Compare requests running and their contexts; a slow rise without load is a leak: restart, keep the log.",
    ),
    "gpu_temperature": Gauge(
        names.TEMPERATURE,
        "degC",
        "temperature",
        "Check fans, air and power limit; take load away before the card lowers its clocks.",
    ),
    "concurrent_users": Gauge(
        names.RUNNING,
        "count",
        "requests at once",
        "More users than the SLA covers: its latencies are not promised for them. Add capacity or limit admission.",
    ),
    "queue_served": Gauge(
        names.WAITING,
        "count",
        "waiting requests",
        "Compare tokens per second with its guarantee; if it holds, demand has grown: add capacity or limit admission.",
    ),
}


def gauge_alerts(criterion: Criterion, terms: Terms) -> Iterator[Alert]:
    """The two alerts of a gauge with a ceiling. A count that is promised is the most that may come."""
    shape = GAUGES[criterion.metric]
    bound = limit_of(criterion, shape.unit)
    for severity, limit in ((EARLY, bound * terms.early_share(criterion.id)), (BROKEN, bound)):
        yield Alert(
            name=alert_name(criterion, severity),
            criterion=criterion.id,
            severity=severity,
            expr=f"{shape.metric} > {figure(limit)}",
            hold_s=terms.hold_s,
            summary=f"{criterion.title}: {shape.words} above {_shown(limit, shape, criterion)}; {said(criterion)}",
            advice=shape.advice,
            cases=tuple(_gauge_cases(shape.metric, limit, terms)),
        )


def _shown(limit: float, shape: Gauge, criterion: Criterion) -> str:
    unit = "" if criterion.unit == "count" else f" {criterion.unit}"
    return f"{convert(limit, shape.unit, criterion.unit):.4g}{unit}"


def _gauge_cases(metric: str, limit: float, terms: Terms) -> Iterator[Case]:
    found = beats(terms, terms.hold_s, window=1)
    persistent, blip = found["persistent"], found["blip"]
    length = len(persistent.breach)
    for name, value in (("inside", 0.9 * limit), ("at the bound", limit), ("outside", 1.1 * limit), ("idle", 0)):
        yield Case(name, ((metric, level(value, length)),), persistent.at_s, fires=name == "outside")
    course = gauge([1.5 * limit if breach else 0.5 * limit for breach in blip.breach])
    yield Case("blip", ((metric, course),), blip.at_s, fires=False)


def floor_alerts(criterion: Criterion, terms: Terms) -> Iterator[Alert]:
    """The two alerts of decoding speed: tokens over the time in which they were decoded; idling says nothing."""
    window, bound = duration(terms.window_s), limit_of(criterion, "tok/s")
    record = Recording(
        f"rawrxd:decoded_tokens_per_second:rate{window}",
        f"rate({names.TOKENS}[{window}]) / rate({names.DECODE}[{window}])",
    )
    for severity, limit in ((EARLY, bound / terms.early_share(criterion.id)), (BROKEN, bound)):
        yield Alert(
            name=alert_name(criterion, severity),
            criterion=criterion.id,
            severity=severity,
            expr=f"{record.name} < {figure(limit)}",
            hold_s=terms.hold_s,
            summary=f"{criterion.title}: less than {limit:.4g} tok/s while decoding; {said(criterion)}",
            advice="Compare requests running; then clocks and temperature of the GPU, and what else uses it.",
            cases=tuple(_floor_cases(float(figure(limit)), terms)),
            records=(record,),
        )


def _floor_cases(limit: float, terms: Terms) -> Iterator[Case]:
    found = beats(terms, terms.hold_s, window=terms.window)
    persistent = found.pop("persistent")
    length = len(persistent.breach)
    for name, share in (("inside", 1.1), ("outside", 0.9)):
        series = ((names.TOKENS, steady(share * limit * SLOW, length)), (names.DECODE, steady(SLOW, length)))
        yield Case(name, series, persistent.at_s, fires=name == "outside")
    still = ((names.TOKENS, level(100, length)), (names.DECODE, level(1, length)))
    yield Case("idle", still, persistent.at_s, fires=False)
    for name, beat in found.items():
        yield Case(name, _speeds(limit, beat), beat.at_s, fires=beat.fires)


def _speeds(limit: float, beat: Beat) -> tuple[tuple[str, str], ...]:
    """A tenth of the speed for ten times the time, in scrapes of a breach; three times the speed in the others."""
    tokens = [round(1000 * limit * (0.1 * SLOW if breach else 1.5)) for breach in beat.breach]
    seconds = [1000 * SLOW if breach else 500 for breach in beat.breach]
    return (names.TOKENS, counter(tokens)), (names.DECODE, counter(seconds))


def loss_alerts(criterion: Criterion, terms: Terms) -> Iterator[Alert]:
    """The two alerts of lost requests: failed probe requests over all of them."""
    window, bound = duration(terms.window_s), limit_of(criterion, "ratio")
    record = Recording(
        f"rawrxd:request_failures:ratio_rate{window}",
        f"sum without (reason) (rate({names.FAILURES}[{window}])) / rate({names.REQUESTS}[{window}])",
    )
    for severity, limit in ((EARLY, bound * terms.early_share(criterion.id)), (BROKEN, bound)):
        yield Alert(
            name=alert_name(criterion, severity),
            criterion=criterion.id,
            severity=severity,
            expr=f"{record.name} > {figure(limit)}",
            hold_s=terms.hold_s,
            summary=f"{criterion.title}: more than {figure(limit * 100)} % of requests fail; {said(criterion)}",
            advice=f"The label reason of {names.FAILURES} says how they fail; then the engine's log.",
            cases=tuple(_loss_cases(float(figure(limit)), terms)),
            records=(record,),
        )


def _loss_cases(limit: float, terms: Terms) -> Iterator[Case]:
    found = beats(terms, terms.hold_s, window=terms.window)
    persistent = found.pop("persistent")
    length = len(persistent.breach)
    for name, share in (("inside", 0.9 * limit), ("outside", limit + min(0.1 * limit, (1 - limit) / 2))):
        series = _losses([round(share * SHARE)] * length, [SHARE] * length)
        yield Case(name, series, persistent.at_s, fires=name == "outside")
    yield Case("idle", _losses([0] * length, [0] * length), persistent.at_s, fires=False)
    for name, beat in found.items():
        every = [SHARE * 100 if breach else SHARE for breach in beat.breach]
        lost = [requests if breach else 0 for requests, breach in zip(every, beat.breach, strict=True)]
        yield Case(name, _losses(lost, every), beat.at_s, fires=beat.fires)


def _losses(lost: list[int], every: list[int]) -> tuple[tuple[str, str], ...]:
    """Half of the losses each for two reasons: they count together."""
    reasons = (("disconnected", [n - n // 2 for n in lost]), ("deadline", [n // 2 for n in lost]))
    series = tuple((f'{names.FAILURES}{{reason="{reason}"}}', counter(counts)) for reason, counts in reasons)
    return (*series, (names.REQUESTS, counter(every)))
