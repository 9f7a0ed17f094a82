"""A Grafana dashboard: a panel for each row of the SLA with its bound as a line, and why a row has no curve."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pytest_rawrxd.measure.probe import names
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.report import number
from pytest_rawrxd.report.alerts.plan import LOSS, Row, Watch
from pytest_rawrxd.report.alerts.rule import duration
from pytest_rawrxd.report.alerts.terms import Terms

FILE = "rawrxd.dashboard.json"
WIDTH, HEIGHT, COLUMNS = 8, 8, 3
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
OK, WARN, BAD = "green", "orange", "red"

#: Dimension's base unit as a panel shows it.
_UNITS = {"s": "s", "B": "bytes", "ratio": "percentunit", "degC": "celsius", "count": "none", "tok/s": "none"}
Query = Callable[[Criterion, Terms], str]


def dashboard_json(watch: Watch) -> str:
    """The dashboard as Grafana imports it; the data source is chosen there."""
    panels = [_panel(row, watch.terms, place) for place, row in enumerate(watch.rows)]
    document = {
        "uid": f"rawrxd-{watch.profile.name}"[:40],
        "title": f"SLA of {watch.profile.name}",
        "description": f"{watch.profile.title}. Written from the profile of digest {watch.profile.digest[:16]}.",
        "tags": ["rawrxd", watch.profile.name],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": duration(max(5.0, watch.terms.scrape_s)),
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}]
        },
        "annotations": {
            "list": [
                {
                    "name": "Alerts",
                    "datasource": SOURCE,
                    "enable": True,
                    "iconColor": BAD,
                    "expr": f'ALERTS{{alertstate="firing", sla_profile="{watch.profile.name}"}}',
                    "titleFormat": "{{alertname}}",
                }
            ]
        },
        "panels": panels,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def queries(watch: Watch) -> dict[str, str]:
    """The PromQL of each row that is drawn as a curve, by the id of its criterion."""
    return {row.criterion.id: query for row in watch.rows if (query := _query(row, watch.terms)) is not None}


def shown(criterion: Criterion, value: float) -> str:
    """``value`` of the curve of ``criterion``, in the unit that its bound has."""
    return number.number(convert(value, _BASE[criterion.metric], criterion.unit), criterion.unit)


def _query(row: Row, terms: Terms) -> str | None:
    criterion = row.criterion
    if criterion.metric not in _QUERIES or criterion.not_applicable is not None:
        return None
    return _QUERIES[criterion.metric](criterion, terms)


def _panel(row: Row, terms: Terms, place: int) -> dict[str, Any]:
    criterion = row.criterion
    head = {
        "id": place + 1,
        "title": f"{criterion.id}: {criterion.title}",
        "description": f"{criterion.source}. {row.why_none or 'Alerts: ' + ', '.join(a.name for a in row.alerts)}",
        "gridPos": {
            "x": place % COLUMNS * WIDTH,
            "y": place // COLUMNS * HEIGHT,
            "w": WIDTH,
            "h": HEIGHT,
        },
    }
    query = _query(row, terms)
    if query is None:
        promised = number.required(criterion.direction, criterion.limit, criterion.unit)
        text = f"**{criterion.id}** requires {promised}\n\n{row.why_none}"
        return {**head, "type": "text", "options": {"mode": "markdown", "content": text}}
    base = _BASE[criterion.metric]
    return {
        **head,
        "type": "timeseries",
        "datasource": SOURCE,
        "targets": [{"refId": "A", "datasource": SOURCE, "expr": query, "legendFormat": "measured"}],
        "fieldConfig": {
            "defaults": {
                "unit": _UNITS[base],
                "custom": {"thresholdsStyle": {"mode": "line"}, "spanNulls": False},
                "thresholds": {"mode": "absolute", "steps": _steps(criterion, base, terms)},
            },
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "none"},
        },
    }


def _steps(criterion: Criterion, base: str, terms: Terms) -> list[dict[str, Any]]:
    """Colours from below: a line at the bound, and one where the early warning comes."""
    limit = criterion.limit
    if isinstance(limit, tuple):
        low, high = (convert(end, criterion.unit, base) for end in limit)
        return _coloured(BAD, (low, OK), (high, BAD))
    bound, share = convert(float(limit), criterion.unit, base), terms.early_share(criterion.id)
    if criterion.direction == ">=" and criterion.metric not in _CEILINGS:
        if criterion.metric == "availability":
            return _coloured(BAD, (bound, OK))
        return _coloured(BAD, (bound, WARN), (bound / share, OK))
    return _coloured(OK, (bound * share, WARN), (bound, BAD))


def _coloured(below: str, *steps: tuple[float, str]) -> list[dict[str, Any]]:
    return [{"color": below, "value": None}, *({"color": colour, "value": value} for value, colour in steps)]


def _quantile(metric: str) -> Query:
    def query(criterion: Criterion, terms: Terms) -> str:
        share = criterion.quantile or 1.0
        return f"histogram_quantile({share:.10g}, sum by (le) (rate({metric}_bucket[{duration(terms.window_s)}])))"

    return query


def _speed(_: Criterion, terms: Terms) -> str:
    window = duration(terms.window_s)
    return f"sum(rate({names.TOKENS}[{window}])) / sum(rate({names.DECODE}[{window}]))"


def _loss(_: Criterion, terms: Terms) -> str:
    window = duration(terms.window_s)
    return f"sum(rate({names.FAILURES}[{window}])) / sum(rate({names.REQUESTS}[{window}]))"


def _down(_: Criterion, terms: Terms) -> str:
    every = duration(terms.scrape_s)
    return f"sum_over_time(({names.UP} == bool 0)[1h:{every}]) * {terms.scrape_s:.10g}"


def _available(_: Criterion, terms: Terms) -> str:
    return f"avg_over_time({names.UP}[{duration(terms.sla_window_s)}])"


def _gauge(metric: str) -> Query:
    return lambda _criterion, _terms: metric


#: What is promised as "at least" because it must be served, and is exceeded when more than that comes.
_CEILINGS = ("concurrent_users", "queue_served")
_BASE = {
    "inter_token_latency": "s",
    "longest_gap": "s",
    "request_duration": "s",
    "decode_tps": "tok/s",
    LOSS: "ratio",
    "recovery_time": "s",
    "availability": "ratio",
    "vram_used": "B",
    "gpu_temperature": "degC",
    "gpu_utilisation": "ratio",
    "concurrent_users": "count",
    "queue_served": "count",
}
_QUERIES: dict[str, Query] = {
    "inter_token_latency": _quantile(names.GAP),
    "longest_gap": _quantile(names.GAP),
    "request_duration": _quantile(names.REQUEST),
    "decode_tps": _speed,
    LOSS: _loss,
    "recovery_time": _down,
    "availability": _available,
    "vram_used": _gauge(names.MEMORY),
    "gpu_temperature": _gauge(names.TEMPERATURE),
    "gpu_utilisation": _gauge(names.UTILISATION),
    "concurrent_users": _gauge(names.RUNNING),
    "queue_served": _gauge(names.WAITING),
}
