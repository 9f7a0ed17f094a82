"""Who is called by which alert, and how Prometheus reads the probe: alertmanager.yml and prometheus.yml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_rawrxd.measure.probe.names import JOB
from pytest_rawrxd.report.alerts.documents import RULES, dump
from pytest_rawrxd.report.alerts.rule import BROKEN, EARLY, duration
from pytest_rawrxd.report.alerts.terms import Terms

ROUTING = "alertmanager.yml"
CONFIG = "prometheus.yml"
PAGE, TICKET = "rawrxd-page", "rawrxd-ticket"
DOWN = "RawrxdSlaMttr.*"
RECEIVERS = {BROKEN: PAGE, EARLY: TICKET}


@dataclass(frozen=True)
class Routing:
    """Where calls go, as URLs of webhooks (None: nobody hears it yet), and how long Alertmanager waits."""

    page: str | None = None
    ticket: str | None = None
    group_wait_s: float = 10.0
    group_interval_s: float = 60.0
    repeat_s: float = 4 * 3600.0


def routing_yaml(routing: Routing) -> str:
    """Critical alerts page, warnings open a ticket; a broken bound silences its own early warning."""
    inhibited = [
        {
            "source_matchers": [f'severity="{BROKEN}"'],
            "target_matchers": [f'severity="{EARLY}"'],
            "equal": ["criterion", "sla_profile", "instance"],
        },
        {
            # A server that is down exports nothing: one call, not one for each series.
            "source_matchers": [f'alertname=~"{DOWN}"'],
            "target_matchers": ['alertname="RawrxdBlind"'],
            "equal": ["sla_profile"],
        },
    ]
    document: dict[str, Any] = {
        "route": {
            "receiver": TICKET,
            "group_by": ["alertname", "criterion", "sla_profile", "instance"],
            "group_wait": duration(routing.group_wait_s),
            "group_interval": duration(routing.group_interval_s),
            "repeat_interval": duration(routing.repeat_s),
            "routes": [
                {"receiver": receiver, "matchers": [f'severity="{severity}"']}
                for severity, receiver in RECEIVERS.items()
            ],
        },
        "receivers": [_receiver(PAGE, routing.page), _receiver(TICKET, routing.ticket)],
        "inhibit_rules": inhibited,
    }
    head = "# A receiver without a webhook hears nothing: name one with --page URL and --ticket URL.\n"
    return head + dump(document)


def _receiver(name: str, url: str | None) -> dict[str, Any]:
    return {"name": name} if url is None else {"name": name, "webhook_configs": [{"url": url, "send_resolved": True}]}


def config_yaml(terms: Terms, *, probe: str, alertmanager: str) -> str:
    """A Prometheus that reads the probe at ``probe`` and tells Alertmanager at ``alertmanager``, both HOST:PORT."""
    every = duration(terms.scrape_s)
    return dump(
        {
            "global": {"scrape_interval": every, "evaluation_interval": every, "scrape_timeout": every},
            "rule_files": [RULES],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
            "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [probe]}]}],
        }
    )
