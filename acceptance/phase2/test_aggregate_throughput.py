"""Critical metric: aggregate TPS at 12 threads > 800 tok/s."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.sla("P2-AGG")
def test_twelve_streams_together_reach_the_promised_throughput(load, sla):
    """The tokens of all twelve streams, per second."""
    assert load(streams=12).throughput >= sla["P2-AGG"]


@pytest.mark.sla("P2-REQUESTS")
def test_every_planned_request_is_answered(load, sla):
    """All requests of the main run end with every token asked for."""
    assert load(streams=12).completed >= sla["P2-REQUESTS"]
