"""The monitoring document: what the drill showed, what each row is watched with, and why a row is not."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.alerts.page import render_monitoring
from pytest_rawrxd.report.alerts.plan import watch_of

ROADMAP = load_profile("rx7800xt")
PANELS = {"SLA-LAT-P95": 0.0123, "SLA-TPS-GUARANTEE": 80.0, "SLA-TEMP": None}
SCORE = {"killed": 1488, "equivalent": [["RawrxdSlaVramEarly", "> -> >=", "reals do not meet"]], "unnoticed": []}
TOOLS = {"prometheus": "2.42.0", "alertmanager": "0.25.0"}


@dataclass
class Record:
    id: str
    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    at: str = "2025-12-10T08:00:00Z"
    session: str = "s001"


def drill(fault, effect, *calls):
    alerts = [
        {"name": name, "criterion": criterion, "severity": "critical", "received_ns": round(seconds * 1e9)}
        for name, criterion, seconds in calls
    ]
    data = {
        "fault": fault,
        "began_ns": 0,
        "ended_ns": 60 * 10**9,
        "effect": effect,
        "server": "b10068",
        "alerts": alerts,
    }
    return Record(f"drill-{fault}", "monitoring.drill", data)


@pytest.fixture
def page(view):
    def render(*records, profile=ROADMAP):
        return render_monitoring(replace(view, records=tuple(records), profile=replace(view.profile, whole=profile)))

    return render


def test_a_campaign_without_any_monitoring_has_no_page(page):
    assert page() is None
    assert (
        page(Record("r", "monitoring.rules", {**TOOLS, "alerts": 1, "cases": 4, "failed": None}), profile=None) is None
    )


def test_the_page_shows_each_fault_with_its_call_its_time_and_its_budget(page):
    html = page(
        Record("r", "monitoring.rules", {**TOOLS, "alerts": 34, "cases": 158, "failed": None, "mutants": SCORE}),
        drill("none", {"looks": [{"after_s": 2.5, "tokens_per_second": 80.0}], "panels": PANELS}),
        drill("kill", {"answered": False}, ("RawrxdSlaMttrEarly", "SLA-MTTR", 41.5)),
        drill("freeze", {"answered": True}),
    )

    text = re.sub(r"<[^>]+>", " ", html)
    assert re.search(
        r"kill\s+the process is ended\s+its health did not answer\s+RawrxdSlaMttrEarly\s+41.5 s\s+120 s", text
    )
    assert "freeze: the server went on answering" in text
    assert "none, as it should be" in text
    assert "llama.cpp b10068" in text
    assert "34 alerts in 158 cases" in text
    for shown in ("showed 12.3 ms", "showed 80.0 tok/s"):
        assert f"in the control, its panel {shown}" in text
    assert text.count("its panel was empty") == 1
    assert "noticed all of 1,488 wrong rules. 1 more behave as the rule" in text
    assert "not counted (reals do not meet): RawrxdSlaVramEarly (&gt; -&gt; &gt;=)." in text


def test_a_wrong_rule_that_nobody_noticed_stands_on_the_page(page):
    score = {**SCORE, "unnoticed": [["RawrxdSlaTempEarly", "for 2m x 0"]]}
    html = page(Record("r", "monitoring.rules", {**TOOLS, "alerts": 1, "cases": 4, "failed": None, "mutants": score}))

    assert "<b>Not noticed:</b> RawrxdSlaTempEarly (for 2m x 0)." in html


def test_each_alert_has_an_anchor_that_its_runbook_url_leads_to_and_each_row_its_reason(page):
    html = page(Record("r", "monitoring.rules", {**TOOLS, "alerts": 34, "cases": 158, "failed": "SomeAlert"}))
    watch = watch_of(ROADMAP)

    anchors = re.findall(r'<tr id="([^"]+)"', html)
    assert len(anchors) == len(set(anchors))
    assert set(anchors) == {alert.name for alert in watch.alerts}
    assert all(row.criterion.id in html for row in watch.rows)
    assert "operator&#39;s declaration" in html
    assert "promtool or amtool refuse them" in html
    assert "The drill was not run." in html


def test_a_machine_without_prometheus_is_told_what_it_takes(page):
    html = page(
        Record("m", "monitoring.missing", {"why": "Prometheus is not installed", "possible": "apt-get install x"})
    )

    assert "There was no drill: Prometheus is not installed. It takes: apt-get install x." in html
