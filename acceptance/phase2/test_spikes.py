"""What percentiles forgive: the largest spike, stalls, and waiting as a client lives through it."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.sla("P2-LAT-SPIKE", "SLA-LAT-MAX")
def test_no_spike_at_twelve_streams(load, sla):
    """At twelve streams, not one token keeps its client waiting longer than the largest spike allowed."""
    observed = load(streams=12)

    assert observed.longest_gap <= sla["P2-LAT-SPIKE"]
    assert observed.longest_gap <= sla["SLA-LAT-MAX"]


@pytest.mark.sla("P2-LAT-STALL")
def test_streams_are_hardly_ever_stalled(load, sla):
    """A server that freezes now and then keeps all percentiles; its share of stalled time shows it."""
    assert load(streams=12).stalled_share <= sla["P2-LAT-STALL"]


@pytest.mark.sla("P2-LAT-TW95")
def test_95_of_100_moments_of_waiting_end_in_time(load, sla):
    """The P95 with each gap weighted by its length: a long gap is waited for longer than a short one."""
    assert load(streams=12).time_weighted.p95 <= sla["P2-LAT-TW95"]
