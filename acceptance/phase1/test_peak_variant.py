"""Success criterion: peak variant identified (likely Q2_K for speed)."""

import pytest

pytestmark = pytest.mark.phase1


@pytest.mark.sla("P1-PEAK")
def test_the_fastest_variants_are_identified(ladder, sla):
    """For each variant it is known whether it is as fast as the best one."""
    assert ladder.peak_determined == sla["P1-PEAK"]


@pytest.mark.sla("P1-CHAMPION")
def test_q2_k_is_the_speed_champion(ladder, sla):
    """No other variant is as fast as Q2_K."""
    assert ladder.champion("Q2_K") == sla["P1-CHAMPION"]
