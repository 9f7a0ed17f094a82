"""Decision tree clarity: any engineer should pick the correct variant without consultation."""

import pytest

pytestmark = pytest.mark.phase3


@pytest.mark.sla("P3-TREE")
def test_the_tree_leads_every_use_to_one_variant(documents, sla):
    """Speed, memory and quality of every variant are measured, and the rules leave no tie."""
    assert documents.output("decision_tree") == sla["P3-TREE"]


@pytest.mark.sla("P3-RECOMMEND")
def test_recommendations_follow_from_the_data(documents, sla):
    """Each names its rule and its figures."""
    assert documents.recommendations_derived == sla["P3-RECOMMEND"]
