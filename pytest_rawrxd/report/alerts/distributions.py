"""Alerts on histograms: the share of gaps above a bound, exact at a bucket's edge, and gaps that may not be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_rawrxd.measure.probe.edges import edge
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.report.alerts.naming import alert_name, said
from pytest_rawrxd.report.alerts.rule import BROKEN, EARLY, Alert, Case, Recording, duration, figure
from pytest_rawrxd.report.alerts.series import GAPS, Series, beats, histogram, steady
from pytest_rawrxd.report.alerts.terms import Terms, limit_of

FLOOD = 100  #: a scrape in which a breach goes on has this many times the gaps, so that it decides its window


def quantile_alerts(criterion: Criterion, terms: Terms, metric: str) -> Iterator[Alert]:
    """The two alerts of "q of all values are at most the bound": share above an edge > 1 - q."""
    assert criterion.quantile is not None  # noqa: S101 - the profile checks that a quantile names one
    allowed = round(1 - criterion.quantile, 10)
    bound = limit_of(criterion, "s")
    edges = (edge(bound * terms.early_share(criterion.id)), edge(bound))
    for stage, severity, own in (("early", EARLY, edges[0]), ("bound", BROKEN, edges[1])):
        record = Recording(
            f"rawrxd:{criterion.id.lower().replace('-', '_')}_above_{stage}:ratio_rate{duration(terms.window_s)}",
            f'1 - rate({metric}_bucket{{le="{own}"}}[{duration(terms.window_s)}])'
            f" / ignoring (le) rate({metric}_count[{duration(terms.window_s)}])",
        )
        yield Alert(
            name=alert_name(criterion, severity),
            criterion=criterion.id,
            severity=severity,
            expr=f"{record.name} > {figure(allowed)}",
            hold_s=terms.hold_s,
            summary=f"{criterion.title}: more than {figure(allowed * 100)} % of gaps above {float(own) * 1000:.10g} ms;"
            f" {said(criterion)}",
            advice="Compare tokens per second and requests running; then clocks, temperature and memory of the GPU.",
            cases=tuple(_quantile_cases(metric, edges, own, allowed, terms)),
            records=(record,),
        )


def _quantile_cases(metric: str, edges: tuple[str, str], own: str, allowed: float, terms: Terms) -> Iterator[Case]:
    inside, outside = 0.9 * allowed, allowed + min(0.1 * allowed, (1 - allowed) / 2)
    found = beats(terms, terms.hold_s, window=terms.window)
    persistent = found.pop("persistent")
    for name, share in (("inside", inside), ("outside", outside)):
        above = [round(share * GAPS)] * len(persistent.breach)
        yield Case(name, _gaps(metric, edges, own, above), persistent.at_s, fires=name == "outside")
    yield Case("idle", _idle(metric, edges, len(persistent.breach)), persistent.at_s, fires=False)
    for name, beat in found.items():
        total = [GAPS * FLOOD if breach else GAPS for breach in beat.breach]
        above = [gaps if breach else 0 for gaps, breach in zip(total, beat.breach, strict=True)]
        yield Case(name, _gaps(metric, edges, own, above, total), beat.at_s, fires=beat.fires)


def spike_alerts(criterion: Criterion, terms: Terms, metric: str) -> Iterator[Alert]:
    """The two alerts of "no value exceeds the bound": values above an edge, window after window.

    One value above the bound is on the dashboard; somebody is called when it goes on.
    """
    bound, window = limit_of(criterion, "s"), duration(terms.window_s)
    edges = (edge(bound * terms.early_share(criterion.id)), edge(bound))
    for stage, severity, own in (("early", EARLY, edges[0]), ("bound", BROKEN, edges[1])):
        record = Recording(
            f"rawrxd:{criterion.id.lower().replace('-', '_')}_above_{stage}:increase{window}",
            f'increase({metric}_count[{window}]) - ignoring (le) increase({metric}_bucket{{le="{own}"}}[{window}])',
        )
        yield Alert(
            name=alert_name(criterion, severity),
            criterion=criterion.id,
            severity=severity,
            expr=f"{record.name} > 0",
            hold_s=terms.hold_s,
            summary=f"{criterion.title}: gaps above {float(own) * 1000:.10g} ms in every {window}; {said(criterion)}",
            advice="Look for long prompts beside short answers, other work on the GPU, and lines of class error.",
            cases=tuple(_spike_cases(metric, edges, own, terms)),
            records=(record,),
        )


def _spike_cases(metric: str, edges: tuple[str, str], own: str, terms: Terms) -> Iterator[Case]:
    found = beats(terms, terms.hold_s, window=terms.window)
    persistent = found.pop("persistent")
    yield Case("inside", _gaps(metric, edges, own, [0] * len(persistent.breach)), persistent.at_s, fires=False)
    yield Case("outside", _gaps(metric, edges, own, [1] * len(persistent.breach)), persistent.at_s, fires=True)
    yield Case("idle", _idle(metric, edges, len(persistent.breach)), persistent.at_s, fires=False)
    for name, beat in found.items():
        yield Case(name, _gaps(metric, edges, own, [int(b) for b in beat.breach]), beat.at_s, fires=beat.fires)


def _gaps(
    metric: str, edges: tuple[str, str], own: str, above: Sequence[int], total: Sequence[int] | None = None
) -> Series:
    """``above`` values beyond the alert's ``own`` edge; at the other edge what the alert must not look at."""
    every = list(total or [GAPS] * len(above))
    early, bound = edges
    # Before the bound everything is still below it; when the bound counts, the early edge has long been passed.
    others = {bound: [0] * len(every)} if own == early else {early: every}
    return histogram(metric, {own: list(above), **others}, every)


def _idle(metric: str, edges: tuple[str, str], scrapes: int) -> Series:
    """Counters that stand still, half of what was counted above every edge."""
    buckets = tuple((f'{metric}_bucket{{le="{own}"}}', steady(0, scrapes).replace("0+", "50+", 1)) for own in edges)
    return (*buckets, (f"{metric}_count", steady(0, scrapes).replace("0+", "100+", 1)))
