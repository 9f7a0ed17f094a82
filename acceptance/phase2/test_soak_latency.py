"""Latency over two days: the mean stays, and the quantiles of the SLA hold."""

import pytest

pytestmark = [pytest.mark.phase2, pytest.mark.soak]


@pytest.mark.sla("P2-SOAK-LAT")
def test_mean_latency_stays(soak, sla):
    """The slope of the hourly mean, as a share of the first day's."""
    assert soak.mean_latency in sla["P2-SOAK-LAT"]


@pytest.mark.sla("P2-SOAK-P95")
def test_p95_inter_token_latency_over_two_days(soak, sla):
    """95 of 100 tokens of all bursts follow within the promised time."""
    assert soak.p95 <= sla["P2-SOAK-P95"]


@pytest.mark.sla("P2-SOAK-P99")
def test_p99_inter_token_latency_over_two_days(soak, sla):
    """99 of 100 tokens of all bursts follow within the promised time."""
    assert soak.p99 <= sla["P2-SOAK-P99"]
