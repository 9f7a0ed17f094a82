"""What phase 2 hands over: the operator runbook, what its operator declares, and the checklist that is signed."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.sla("P2-RUNBOOK")
def test_the_operator_runbook_is_complete(documents, sla):
    """Deployment, every fault with its recovery as measured, every alert."""
    assert documents.output("operator_runbook") == sla["P2-RUNBOOK"]


@pytest.mark.sla("SLA-MAINTENANCE")
def test_no_more_maintenance_is_planned_than_promised(documents, sla):
    """The operator's declaration, signed at the end of `rawrxd walkthrough`; no measurement knows a plan."""
    assert documents.maintenance <= sla["SLA-MAINTENANCE"]


@pytest.mark.sla("P2-CHECKLIST")
def test_the_readiness_checklist_has_an_answer_in_every_line(documents, sla):
    """No line rests on a criterion that was not measured."""
    assert documents.output("production_readiness_checklist") == sla["P2-CHECKLIST"]
