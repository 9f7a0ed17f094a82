"""What the roadmap expects at twelve streams. Informative: shown beside the SLA, it decides nothing."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.sla("P2-EXP-MEAN")
def test_the_mean_time_per_token_is_as_expected(load, sla):
    """The mean gap between tokens."""
    assert load(streams=12).mean_gap in sla["P2-EXP-MEAN"]


@pytest.mark.sla("P2-EXP-P95")
def test_p95_is_as_expected(load, sla):
    """The P95 of the gaps, as a figure."""
    assert load(streams=12).shown_quantile(95) in sla["P2-EXP-P95"]


@pytest.mark.sla("P2-EXP-P99")
def test_p99_is_as_expected(load, sla):
    """The P99 of the gaps, as a figure."""
    assert load(streams=12).shown_quantile(99) in sla["P2-EXP-P99"]


@pytest.mark.sla("P2-EXP-AGG")
def test_throughput_is_as_expected(load, sla):
    """The aggregate throughput."""
    assert load(streams=12).throughput in sla["P2-EXP-AGG"]
