"""Success criterion: hybrid quantization feasibility known."""

import pytest

pytestmark = pytest.mark.phase1


@pytest.mark.sla("P1-HYBRID")
def test_the_hybrid_is_built_proven_and_measured(ladder, sla):
    """It loads, every tensor has the type of the recipe, and its throughput and memory are measured."""
    assert ladder.hybrid_known == sla["P1-HYBRID"]


@pytest.mark.sla("P1-HYBRID-REPORT")
def test_the_feasibility_report_is_complete(output, sla):
    """Can we achieve the expected throughput with the hybrid?"""
    assert output("hybrid_feasibility") == sla["P1-HYBRID-REPORT"]
