"""Alerts on a service that is not there: down, down too often, and what nobody could see."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pytest_rawrxd.errors import ProfileProblem
from pytest_rawrxd.measure.probe import names
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.report.alerts.naming import alert_name, said
from pytest_rawrxd.report.alerts.rule import BROKEN, EARLY, Alert, Case, Recording, duration, figure
from pytest_rawrxd.report.alerts.series import beats, gauge, level, steady
from pytest_rawrxd.report.alerts.terms import Terms, limit_of

SHORT = 12  #: the short window of a burn rate is this part of the long one: an hour and five minutes
FINE = 200  #: samples of the short window in a test
STEPS = 1200  #: samples of the SLA's window in a test


def down_alerts(criterion: Criterion, terms: Terms) -> Iterator[Alert]:
    """The two alerts of recovery: down at all, and down for longer than a recovery may take."""
    bound = limit_of(criterion, "s")
    for severity, hold_s in ((EARLY, terms.down_hold_s), (BROKEN, bound)):
        yield Alert(
            name=alert_name(criterion, severity),
            criterion=criterion.id,
            # Somebody is called at once: two minutes later the promise is broken.
            severity=BROKEN,
            expr=f"{names.UP} == 0",
            hold_s=hold_s,
            summary=f"{criterion.title}: the server has not answered for {duration(hold_s)}; {said(criterion)}",
            advice="Is the process alive? If not, restart it and keep its log; if it is, it hangs: end and restart it.",
            cases=tuple(_down_cases(terms, hold_s)),
        )


def _down_cases(terms: Terms, hold_s: float) -> Iterator[Case]:
    found = beats(terms, hold_s, window=1)
    persistent, blip = found["persistent"], found["blip"]
    length = len(persistent.breach)
    yield Case("inside", ((names.UP, level(1, length)),), persistent.at_s, fires=False)
    yield Case("outside", ((names.UP, level(0, length)),), persistent.at_s, fires=True)
    idle = ((names.UP, level(1, length)), (names.REQUESTS, level(7, length)))
    yield Case("idle", idle, persistent.at_s, fires=False)
    yield Case("blip", ((names.UP, gauge([float(not b) for b in blip.breach])),), blip.at_s, fires=False)


def availability_alerts(criterion: Criterion, terms: Terms) -> Iterator[Alert]:
    """The burn rate over two windows, and the budget itself.

    The long window says that it matters, the short one that it is still going on. Source of the method: The Site
    Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".
    """
    budget = round(1 - limit_of(criterion, "ratio"), 10)
    pace = terms.burn_share * terms.sla_window_s / terms.burn_window_s
    limit = float(figure(pace * budget))
    if limit >= 1:
        raise ProfileProblem(
            "an alert on lost availability could never fire",
            where="protocol.monitoring.burn_share",
            found=f"down for {figure(limit * 100)} % of {duration(terms.burn_window_s)}",
            possible=f"less than {figure(terms.burn_share / limit * 100)} %, or a longer burn_window",
        )
    long, short, whole = terms.burn_window_s, terms.burn_window_s / SHORT, terms.sla_window_s
    records = tuple(
        Recording(f"rawrxd:down:ratio_avg{duration(each)}", f"1 - avg_over_time({names.UP}[{duration(each)}])")
        for each in (long, short, whole)
    )
    yield Alert(
        name=alert_name(criterion, EARLY),
        criterion=criterion.id,
        severity=EARLY,
        expr=f"{records[0].name} > {figure(limit)} and {records[1].name} > {figure(limit)}",
        hold_s=0,
        summary=f"{criterion.title}: down for more than {figure(limit * 100)} % of {duration(long)},"
        f" {figure(pace)} times what the budget lasts for; {said(criterion)}",
        advice="Short outages that come again: read what each one said in the log before the next.",
        cases=tuple(_burn_cases(limit, long, short)),
        records=records[:2],
    )
    yield Alert(
        name=alert_name(criterion, BROKEN),
        criterion=criterion.id,
        severity=BROKEN,
        expr=f"{records[2].name} > {figure(budget)}",
        hold_s=0,
        summary=f"{criterion.title}: down for more than {figure(budget * 100)} % of {duration(whole)};"
        f" {said(criterion)}",
        advice="The budget is spent: no planned restart and no new release until it has recovered.",
        cases=tuple(_budget_cases(terms, budget)),
        records=records[2:],
    )


def _burn_cases(limit: float, long: float, short: float) -> Iterator[Case]:
    """Outages of so many samples that ended so many samples before the alert is asked."""
    step = round(short / FINE, 3)
    scrapes = round(2 * long / step)
    in_long, in_short = long / step, FINE + 1
    outage = math.floor(min(1.5 * limit, (1 + limit) / 2) * in_long)
    outages = {
        "inside": (math.floor(0.9 * limit * in_long), 0, False),
        "outside": (math.floor(min(1.2 * limit, (1 + limit) / 2) * in_long), 0, True),
        "just over": (outage, in_short - math.ceil(1.1 * limit * in_short), True),
        "longer over": (outage, in_short - math.floor(0.95 * limit * in_short), False),
        "idle": (0, 0, False),
        "blip": (1, 0, False),
    }
    for name, (length, ago, fires) in outages.items():
        course = ((names.UP, _outage(scrapes, length, ago)),)
        yield Case(name, course, (round(scrapes * step, 3),), fires, interval_s=step)


def _budget_cases(terms: Terms, budget: float) -> Iterator[Case]:
    step = round(terms.sla_window_s / STEPS, 3)
    shares = {
        "inside": (0.9 * budget, False),
        "outside": (min(1.2 * budget, (1 + budget) / 2), True),
        "idle": (0.0, False),
        "blip": (1 / STEPS, False),
    }
    for name, (share, fires) in shares.items():
        course = _outage(2 * STEPS, math.floor(share * STEPS), 0)
        yield Case(name, ((names.UP, course),), (2 * STEPS * step,), fires, interval_s=step)


def _outage(scrapes: int, length: int, ago: int) -> str:
    """Up, down for ``length`` samples, and up again for the last ``ago``; the sample at ``scrapes`` is the last."""
    before = scrapes + 1 - length - ago
    return " ".join(f"{value}+0x{count - 1}" for value, count in ((1, before), (0, length), (1, ago)) if count > 0)


def blind_alerts(series: Sequence[str], terms: Terms) -> Iterator[Alert]:
    """One alert for each series that others read: without it they are silent whatever happens."""
    for name in series:
        yield Alert(
            name="RawrxdBlind",
            criterion="P2-ALERTS",
            severity=BROKEN,
            expr=f"absent({name})",
            hold_s=terms.hold_s,
            summary=f"{name} is not there: every alert that reads it is blind",
            advice="Does the probe run, does it reach the server, and does Prometheus reach the probe?",
            cases=tuple(_blind_cases(name, [other for other in series if other != name], terms)),
            series=name,
        )


def _blind_cases(name: str, others: Sequence[str], terms: Terms) -> Iterator[Case]:
    found = beats(terms, terms.hold_s, window=1)
    persistent, blip = found["persistent"], found["blip"]
    length = len(persistent.breach)
    there = tuple((other, level(1, 2 * length)) for other in others)
    yield Case("inside", (*there, (name, steady(1, length))), persistent.at_s, fires=False)
    yield Case("outside", there, persistent.at_s, fires=True)
    yield Case("idle", (*there, (name, level(0, length))), persistent.at_s, fires=False)
    course = " ".join("stale" if breach else "1" for breach in blip.breach)
    yield Case("blip", (*there, (name, course)), blip.at_s, fires=False)


def silent_probe(terms: Terms) -> Alert:
    """The probe is there and sends nothing: rates of nothing are no numbers, and alerts on them stay silent."""
    window = duration(terms.window_s)
    found = beats(terms, terms.hold_s, window=1)
    persistent = found["persistent"]
    length = len(persistent.breach) + terms.window
    last = ((terms.scrapes(terms.hold_s) + 2 * terms.window + 2) * terms.scrape_s,)
    stop = [*range(1, terms.window + 2), *[terms.window + 1] * (length + terms.window)]
    pause = terms.scrapes(terms.hold_s) + terms.window - 2
    resumed = [*range(1, 4), *[3] * pause, *range(4, 4 + length)]
    return Alert(
        name="RawrxdProbeSilent",
        criterion="P2-ALERTS",
        severity=BROKEN,
        expr=f"increase({names.REQUESTS}[{window}]) == 0",
        hold_s=terms.hold_s,
        summary=f"the probe has ended no request for {window}: alerts on rates are blind",
        advice="Does the probe hang? Restart it; its log says the last request.",
        cases=(
            Case("inside", ((names.REQUESTS, steady(1, length)),), persistent.at_s, fires=False),
            Case("outside", ((names.REQUESTS, gauge(stop)),), last, fires=True),
            Case("idle", ((names.REQUESTS, level(9, length)),), persistent.at_s, fires=True),
            Case("blip", ((names.REQUESTS, gauge(resumed)),), ((2 + pause) * terms.scrape_s,), fires=False),
        ),
    )
