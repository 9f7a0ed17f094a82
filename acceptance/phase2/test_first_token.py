"""The wait for the first token, from the instant at which the request was due."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.sla("P2-TTFT")
def test_the_first_token_comes_before_the_request_times_out(load, sla):
    """Informative: requests that come at their own instants wait for a slot, and that wait counts."""
    assert load(streams=12).first_token.p95 <= sla["P2-TTFT"]
