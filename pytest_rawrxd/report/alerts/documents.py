"""Rules and their tests as YAML: what Prometheus loads, and what promtool proves it with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from pytest_rawrxd.report.alerts.plan import Watch
from pytest_rawrxd.report.alerts.rule import Alert, Recording, duration
from pytest_rawrxd.report.alerts.terms import Terms

RULES = "rawrxd.rules.yml"
TESTS = "rawrxd.rules.test.yml"
EVALUATIONS = 24  #: of a long window in a test


def labels(alert: Alert, terms: Terms) -> dict[str, str]:
    """What routing and people tell alerts apart by."""
    found = {"severity": alert.severity, "criterion": alert.criterion, "sla_profile": terms.profile}
    return found if alert.series is None else {**found, "series": alert.series}


def said_with(alert: Alert, runbook: str) -> dict[str, str]:
    return {"summary": alert.summary, "description": alert.advice, "runbook_url": f"{runbook}#{alert.name}"}


def rules_yaml(watch: Watch, runbook: str) -> str:
    """All recording and alerting rules."""
    budget = duration(watch.terms.sla_window_s)
    head = (
        f"# Written by `rawrxd alerts {watch.profile.name}` from the profile of digest {watch.profile.digest[:16]}.\n"
        f"# The availability budget looks back over {budget}: keep data for so long (--storage.tsdb.retention.time).\n"
    )
    return head + dump(rule_groups(watch.alerts, watch.terms, runbook))


def rule_groups(alerts: Iterable[Alert], terms: Terms, runbook: str) -> dict[str, Any]:
    """The rule file of ``alerts``: each recording rule once, before the alerts that read it."""
    chosen = list(alerts)
    records = dict.fromkeys(record for alert in chosen for record in alert.records)
    rules = [*map(_record, records), *(_alert(alert, terms, runbook) for alert in chosen)]
    # One group: its rules are evaluated in this order, those of two groups in any.
    return {"groups": [{"name": "rawrxd", "interval": duration(terms.scrape_s), "rules": rules}]}


def _record(record: Recording) -> dict[str, Any]:
    return {"record": record.name, "expr": record.expr}


def _alert(alert: Alert, terms: Terms, runbook: str) -> dict[str, Any]:
    hold = {"for": duration(alert.hold_s)} if alert.hold_s else {}
    return {
        "alert": alert.name,
        "expr": alert.expr,
        **hold,
        "labels": labels(alert, terms),
        "annotations": said_with(alert, runbook),
    }


def tests_yaml(watch: Watch, runbook: str) -> Mapping[str, str]:
    """The test files by name: one for each interval at which the rules are evaluated."""
    found = test_documents(watch.alerts, watch.terms, runbook, RULES)
    return {
        (TESTS if interval == watch.terms.scrape_s else f"rawrxd.rules.{duration(interval)}.test.yml"): dump(document)
        for interval, document in found.items()
    }


def test_documents(alerts: Iterable[Alert], terms: Terms, runbook: str, rules: str) -> dict[float, dict[str, Any]]:
    """promtool's test files for ``alerts`` against the rule file ``rules``, by the interval of evaluation in s."""
    tests: dict[float, list[dict[str, Any]]] = defaultdict(list)
    for alert in alerts:
        for case in alert.cases:
            interval_s = case.interval_s or terms.scrape_s
            # A month in few steps: evaluating it at every scrape would take minutes.
            evaluated_s = terms.scrape_s if case.interval_s is None else case.at_s[-1] / EVALUATIONS
            tests[evaluated_s].append(
                {
                    "name": f"{alert.key}: {case.name}",
                    "interval": duration(interval_s),
                    "input_series": [{"series": name, "values": values} for name, values in case.series],
                    "alert_rule_test": [
                        {
                            "eval_time": duration(at_s),
                            "alertname": alert.name,
                            "exp_alerts": _expected(alert, terms, runbook) if case.fires else [],
                        }
                        for at_s in case.at_s
                    ],
                }
            )
    return {
        interval: {"rule_files": [rules], "evaluation_interval": duration(interval), "tests": each}
        for interval, each in tests.items()
    }


def _expected(alert: Alert, terms: Terms, runbook: str) -> list[dict[str, Any]]:
    return [{"exp_labels": labels(alert, terms), "exp_annotations": said_with(alert, runbook)}]


def dump(document: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=120)
    return text
