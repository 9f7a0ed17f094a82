"""The throughput that the SLA promises to a single user."""

import pytest

pytestmark = pytest.mark.phase1


@pytest.mark.sla("SLA-TPS-GUARANTEE")
def test_one_user_receives_the_guaranteed_throughput_from_q4_k(decode, sla):
    """A single stream on Q4_K never falls below the guaranteed tokens per second."""
    observed = decode(variant="Q4_K")

    assert observed.throughput >= sla["SLA-TPS-GUARANTEE"]


@pytest.mark.sla("SLA-TPS-TARGET")
def test_the_target_throughput_is_shown_beside_it(decode, sla):
    """Informative: the throughput that the SLA aims at."""
    observed = decode(variant="Q4_K")

    assert observed.throughput >= sla["SLA-TPS-TARGET"]


@pytest.mark.sla("SLA-TPS-PEAK")
def test_the_peak_throughput_is_shown_beside_it(decode, sla):
    """Informative: the throughput that the SLA calls its peak."""
    observed = decode(variant="Q4_K")

    assert observed.throughput >= sla["SLA-TPS-PEAK"]
