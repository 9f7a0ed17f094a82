"""The throughput that the SLA guarantees to a single user."""

import pytest


@pytest.mark.phase1
@pytest.mark.sla("SLA-TPS-GUARANTEE")
def test_one_user_receives_the_guaranteed_throughput_from_q4_k(decode, sla):
    """A single stream on Q4_K never falls below the guaranteed tokens per second."""
    observed = decode(variant="Q4_K")

    assert observed.throughput >= sla["SLA-TPS-GUARANTEE"]
