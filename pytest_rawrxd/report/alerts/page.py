"""The monitoring document of Phase 2: the SLA's rows with their alerts, how they were proven, what the drill showed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_rawrxd.measure.monitoring import CONTROL, DRILL, MISSING, RULES
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.report import number
from pytest_rawrxd.report.alerts.dashboard import shown
from pytest_rawrxd.report.alerts.plan import Watch, watch_of
from pytest_rawrxd.report.alerts.rule import Alert, duration
from pytest_rawrxd.report.documents import explained, render_document
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.verdict.drill import Kept, Scene, scenes

METRICS = frozenset({"alerts_early"})
WORDS = {
    CONTROL: "nothing is done to the server",
    "degrade": "the process gets a share of its time",
    "freeze": "the process stands still",
    "kill": "the process is ended",
}


@dataclass(frozen=True)
class Watched:
    """One row of the SLA as the page shows it."""

    criterion: str
    title: str
    required: str
    alerts: tuple[tuple[str, str, str, str, str, str], ...]  #: name, severity, expr, for, summary, advice
    why_none: str | None
    panel: str | None  #: what its curve showed in the control; None where it has none, or nobody looked


def render_monitoring(view: RunView) -> str | None:
    """Return ``monitoring_alerting.html``; None where nothing of monitoring is in the evidence."""
    profile = view.profile.whole
    records = {kind: view.of(kind) for kind in (RULES, DRILL, MISSING)}
    if profile is None or profile.protocol.monitoring is None or not any(records.values()):
        return None
    watch = watch_of(profile)
    drilled = scenes(records[DRILL], profile)
    return render_document(
        view,
        "monitoring_alerting",
        "Monitoring and alerting",
        explained=explained([judged for judged in view.criteria if view.metric(judged.id) in METRICS]),
        scenes=[(scene, WORDS[scene.fault], _effect(scene, view)) for scene in drilled],
        missing=records[MISSING][-1].data if records[MISSING] and not drilled else None,
        proof=records[RULES][-1].data if records[RULES] else None,
        rows=_rows(watch, _panels(records[DRILL])),
        guards=[_alert(alert) for alert in watch.guards],
        guarding=_by_name(watch.guards),
        equivalent=_equivalent(records[RULES]),
        terms={name: duration(getattr(watch.terms, f"{name}_s")) for name in ("scrape", "window", "hold", "down_hold")},
        profile_name=profile.name,
    )


def _panels(drilled: Sequence[Kept]) -> Mapping[str, float | None]:
    """What the panels showed in the last control."""
    controls = [record.data["effect"] for record in drilled if record.data["fault"] == CONTROL]
    found: Mapping[str, float | None] = controls[-1].get("panels", {}) if controls else {}
    return found


def _rows(watch: Watch, panels: Mapping[str, float | None]) -> list[Watched]:
    return [
        Watched(
            row.criterion.id,
            row.criterion.title,
            number.required(row.criterion.direction, row.criterion.limit, row.criterion.unit),
            tuple(_alert(alert) for alert in row.alerts),
            row.why_none,
            _panel(row.criterion, panels[row.criterion.id]) if row.criterion.id in panels else None,
        )
        for row in watch.rows
    ]


def _panel(criterion: Criterion, value: float | None) -> str:
    return "its panel was empty" if value is None else f"its panel showed {shown(criterion, value)}"


def _by_name(guards: Sequence[Alert]) -> dict[str, tuple[list[str], str]]:
    """What the alerts of each name say, and the advice that they share."""
    found: dict[str, tuple[list[str], str]] = {}
    for alert in guards:
        found.setdefault(alert.name, ([], alert.advice))[0].append(alert.summary)
    return found


def _equivalent(proofs: Sequence[Kept]) -> dict[str, list[str]]:
    """The mutants of the last proof that no input tells from their originals, by the reason."""
    found: dict[str, list[str]] = {}
    for alert, change, reason in proofs[-1].data.get("mutants", {}).get("equivalent", []) if proofs else ():
        found.setdefault(str(reason), []).append(f"{alert} ({change})")
    return found


def _alert(alert: Alert) -> tuple[str, str, str, str, str, str]:
    read = {record.name: record.expr for record in alert.records}
    expr = alert.expr
    for name, text in read.items():
        expr = expr.replace(name, f"({text})")
    hold = duration(alert.hold_s) if alert.hold_s else "at once"
    return alert.name, alert.severity, expr, hold, alert.summary, alert.advice


def _effect(scene: Scene, view: RunView) -> str:
    """What shows that the fault was there."""
    data = next(record.data["effect"] for record in view.of(DRILL) if record.id == scene.record)
    if scene.without_effect is not None:
        return scene.without_effect
    if "answered" in data:
        return "its health did not answer" if not data["answered"] else "it went on answering"
    healthy = data.get("healthy_tokens_per_second")
    looks = data.get("looks") or [{}]
    now = "no token" if scene.speed is None else f"{number.number(scene.speed)} tok/s"
    if (share := looks[-1].get("share")) is not None:
        now += f" at {number.percent(share)} of its time,"
    return now if healthy is None else f"{now} instead of {number.number(healthy)} tok/s"
