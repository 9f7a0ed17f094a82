"""Monitoring infrastructure: alerts must catch performance degradation early."""

import pytest

pytestmark = [pytest.mark.phase2, pytest.mark.monitoring]


@pytest.mark.sla("P2-ALERTS")
def test_alerts_call_somebody_before_the_sla_is_broken(alerts_early, sla):
    """A real server is slowed, frozen and killed under a real Prometheus; before that, no alert fires."""
    assert alerts_early == sla["P2-ALERTS"]


@pytest.mark.sla("P2-REPORT-MONITORING")
def test_monitoring_and_alerting_are_specified(monitoring_report, sla):
    """Every row of the SLA with its alerts, how they were proven, and what the drill showed."""
    assert monitoring_report == sla["P2-REPORT-MONITORING"]
