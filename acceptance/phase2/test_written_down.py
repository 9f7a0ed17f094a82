"""What phase 2 hands over: the operator runbook, and the checklist that is signed."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.sla("P2-RUNBOOK")
def test_the_operator_runbook_is_complete(documents, sla):
    """Deployment, every fault with its recovery as measured, every alert."""
    assert documents.output("operator_runbook") == sla["P2-RUNBOOK"]


@pytest.mark.sla("P2-CHECKLIST")
def test_the_readiness_checklist_has_an_answer_in_every_line(documents, sla):
    """No line rests on a criterion that was not measured."""
    assert documents.output("production_readiness_checklist") == sla["P2-CHECKLIST"]
