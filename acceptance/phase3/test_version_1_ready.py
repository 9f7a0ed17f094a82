"""Success criterion: v1.0 release ready. The last tests of all: they rest on every other criterion."""

import pytest

pytestmark = pytest.mark.phase3


@pytest.mark.sla("P3-CHECKLIST")
def test_the_deployment_checklist_has_an_answer_in_every_line(documents, sla):
    """No line rests on a criterion that was not measured."""
    assert documents.output("deployment_checklist") == sla["P3-CHECKLIST"]


@pytest.mark.sla("P3-RELEASE")
def test_version_1_is_ready(documents, sla):
    """Every deciding criterion of all three phases is kept, or waived."""
    assert documents.release_ready == sla["P3-RELEASE"]
