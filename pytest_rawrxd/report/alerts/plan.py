"""Every alert of a profile, and every row of its SLA that has none, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from pytest_rawrxd.errors import ProfileProblem
from pytest_rawrxd.measure.probe import names
from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.report.alerts.distributions import quantile_alerts, spike_alerts
from pytest_rawrxd.report.alerts.levels import GAUGES, floor_alerts, gauge_alerts, loss_alerts
from pytest_rawrxd.report.alerts.outages import availability_alerts, blind_alerts, down_alerts, silent_probe
from pytest_rawrxd.report.alerts.rule import Alert, duration
from pytest_rawrxd.report.alerts.terms import Terms, terms_of
from pytest_rawrxd.verdict.alert_budget import budgets, detection

LOSS = "lost_requests"  #: beside the rows of the SLA: the error-rate alert of the roadmap

Builder = Callable[[Criterion, Terms], Iterator[Alert]]

BUILDERS: dict[str, Builder] = {
    "inter_token_latency": partial(quantile_alerts, metric=names.GAP),
    "longest_gap": partial(spike_alerts, metric=names.GAP),
    "decode_tps": floor_alerts,
    LOSS: loss_alerts,
    "recovery_time": down_alerts,
    "availability": availability_alerts,
    **dict.fromkeys(GAUGES, gauge_alerts),
}
NOT_ALERTED = {
    "gpu_utilisation": "a band that a busy card and an idle card both leave: shown, and nobody is called",
    "request_duration": "a probe request ends long before this bound and counts as failed: see lost requests",
    "planned_maintenance": "the operator's declaration; nothing that is measured says what was planned",
}
SERIES = {
    "inter_token_latency": f"{names.GAP}_count",
    "longest_gap": f"{names.GAP}_count",
    "decode_tps": names.DECODE,
    LOSS: names.FAILURES,
    "recovery_time": names.UP,
    "availability": names.UP,
    **{metric: shape.metric for metric, shape in GAUGES.items()},
}


@dataclass(frozen=True)
class Row:
    """One row of the SLA as it is watched: its alerts, or why there are none."""

    criterion: Criterion
    alerts: tuple[Alert, ...]
    why_none: str | None


@dataclass(frozen=True)
class Watch:
    """What a profile has watched. ``guards`` are the alerts on the monitoring itself."""

    profile: Profile
    terms: Terms
    rows: tuple[Row, ...]
    guards: tuple[Alert, ...]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        return (*(alert for row in self.rows for alert in row.alerts), *self.guards)


def watch_of(profile: Profile) -> Watch:
    """The rows of the SLA, and lost requests, with their alerts.

    Raises ProfileProblem for a profile that says nothing of monitoring, or whose alerts would come too late.
    """
    terms = terms_of(profile)
    watched = [c for c in profile.criteria.values() if c.id.startswith("SLA-") or c.metric == LOSS]
    rows = tuple(_row(criterion, terms) for criterion in watched)
    needed = dict.fromkeys(SERIES[row.criterion.metric] for row in rows if row.alerts)
    needed |= dict.fromkeys([names.UP, names.REQUESTS])
    guards = (*blind_alerts(tuple(needed), terms), silent_probe(terms))
    found = Watch(profile, terms, rows, guards)
    _check_budgets(found)
    return found


def _row(criterion: Criterion, terms: Terms) -> Row:
    if criterion.not_applicable is not None:
        return Row(criterion, (), f"not applicable: {criterion.not_applicable}")
    if criterion.metric in NOT_ALERTED:
        return Row(criterion, (), NOT_ALERTED[criterion.metric])
    if criterion.informative:
        return Row(criterion, (), "informative: shown, and nobody is called")
    if criterion.metric not in BUILDERS:
        return Row(criterion, (), f"the probe does not export {criterion.metric}")
    return Row(criterion, tuple(BUILDERS[criterion.metric](criterion, terms)), None)


def _check_budgets(watch: Watch) -> None:
    terms, told = watch.terms, watch.profile.files[0]
    allowed = budgets(watch.profile)
    for kind, taken in detection(watch.profile).items():
        if taken >= allowed.get(kind, float("inf")):
            raise ProfileProblem(
                f"the alerts on a {kind} server would come after the SLA's own budget is spent",
                where=f"{told}, protocol.monitoring",
                found=f"up to {duration(taken)} to the alert, {duration(round(allowed[kind], 3))} in the budget",
                possible="shorter scrape_every, window, hold, down_hold or health_deadline",
            )
    if terms.hold_s <= terms.window_s:
        raise ProfileProblem(
            "a breach of one scrape would call somebody",
            where=f"{told}, protocol.monitoring.hold",
            found=f"{duration(terms.hold_s)}, and a window of {duration(terms.window_s)}",
            possible="a hold that is longer than the window",
        )
