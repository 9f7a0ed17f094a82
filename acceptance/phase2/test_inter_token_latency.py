"""Success criterion: concurrency P95 latency < 50 ms, with the P50 and P99 beside it."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.sla("P2-LAT-P50", "SLA-LAT-P50")
def test_p50_inter_token_latency_at_twelve_streams(load, sla):
    """At twelve streams, half of the tokens follow within the promised time."""
    observed = load(streams=12)

    assert observed.inter_token.p50 <= sla["P2-LAT-P50"]
    assert observed.inter_token.p50 <= sla["SLA-LAT-P50"]


@pytest.mark.sla("P2-LAT-P95", "SLA-LAT-P95")
def test_p95_inter_token_latency_at_twelve_streams(load, sla):
    """At twelve streams, 95 of 100 tokens follow within the promised time."""
    observed = load(streams=12)

    assert observed.inter_token.p95 <= sla["P2-LAT-P95"]
    assert observed.inter_token.p95 <= sla["SLA-LAT-P95"]


@pytest.mark.sla("P2-LAT-P99", "SLA-LAT-P99")
def test_p99_inter_token_latency_at_twelve_streams(load, sla):
    """At twelve streams, 99 of 100 tokens follow within the promised time."""
    observed = load(streams=12)

    assert observed.inter_token.p99 <= sla["P2-LAT-P99"]
    assert observed.inter_token.p99 <= sla["SLA-LAT-P99"]
