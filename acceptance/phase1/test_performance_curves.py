"""Success criterion: performance curve graph generated, and the decision that it leads to."""

import pytest

pytestmark = pytest.mark.phase1


@pytest.mark.sla("P1-CURVES")
def test_the_curves_have_an_interval_for_every_variant(output, sla):
    """Six variants ranked by speed, memory and time per token."""
    assert output("performance_curves") == sla["P1-CURVES"]


@pytest.mark.sla("P1-DECISION")
def test_the_decision_matrix_knows_speed_and_quality_of_every_variant(output, sla):
    """Which variant for what purpose; without quality it would mislead."""
    assert output("decision_matrix") == sla["P1-DECISION"]
