"""Critical success factor: the latency bounds hold for 10 to 15 users, and with more than 12 threads."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.sla("P2-LAT-P50-10")
def test_p50_inter_token_latency_at_ten_streams(load, sla):
    """At ten streams, half of the tokens follow within the promised time."""
    assert load(streams=10).inter_token.p50 <= sla["P2-LAT-P50-10"]


@pytest.mark.sla("P2-LAT-P95-10")
def test_p95_inter_token_latency_at_ten_streams(load, sla):
    """At ten streams, 95 of 100 tokens follow within the promised time."""
    assert load(streams=10).inter_token.p95 <= sla["P2-LAT-P95-10"]


@pytest.mark.sla("P2-LAT-P99-10")
def test_p99_inter_token_latency_at_ten_streams(load, sla):
    """At ten streams, 99 of 100 tokens follow within the promised time."""
    assert load(streams=10).inter_token.p99 <= sla["P2-LAT-P99-10"]


@pytest.mark.sla("P2-LAT-P50-15")
def test_p50_inter_token_latency_at_fifteen_streams(load, sla):
    """At fifteen streams, half of the tokens follow within the promised time."""
    assert load(streams=15).inter_token.p50 <= sla["P2-LAT-P50-15"]


@pytest.mark.sla("P2-LAT-P95-15")
def test_p95_inter_token_latency_at_fifteen_streams(load, sla):
    """At fifteen streams, 95 of 100 tokens follow within the promised time."""
    assert load(streams=15).inter_token.p95 <= sla["P2-LAT-P95-15"]


@pytest.mark.sla("P2-LAT-P99-15")
def test_p99_inter_token_latency_at_fifteen_streams(load, sla):
    """At fifteen streams, 99 of 100 tokens follow within the promised time."""
    assert load(streams=15).inter_token.p99 <= sla["P2-LAT-P99-15"]


@pytest.mark.sla("P2-LAT-P50-16")
def test_p50_inter_token_latency_at_sixteen_streams(load, sla):
    """At sixteen streams, half of the tokens follow within the promised time."""
    assert load(streams=16).inter_token.p50 <= sla["P2-LAT-P50-16"]


@pytest.mark.sla("P2-LAT-P95-16")
def test_p95_inter_token_latency_at_sixteen_streams(load, sla):
    """At sixteen streams, 95 of 100 tokens follow within the promised time."""
    assert load(streams=16).inter_token.p95 <= sla["P2-LAT-P95-16"]


@pytest.mark.sla("P2-LAT-P99-16")
def test_p99_inter_token_latency_at_sixteen_streams(load, sla):
    """At sixteen streams, 99 of 100 tokens follow within the promised time."""
    assert load(streams=16).inter_token.p99 <= sla["P2-LAT-P99-16"]
