"""Success criterion: SLAs documented and achievable."""

import pytest

pytestmark = pytest.mark.phase3


@pytest.mark.sla("P3-SLA")
def test_each_row_of_the_sla_has_a_test_an_alert_and_a_verdict(documents, sla):
    """The specification leaves no row out."""
    assert documents.sla_documented == sla["P3-SLA"]


@pytest.mark.sla("P3-SLA-ACHIEVABLE")
def test_what_is_guaranteed_can_be_kept(documents, sla):
    """The guaranteed rate lies at or below what runs like the measured ones keep."""
    assert documents.sla_achievable == sla["P3-SLA-ACHIEVABLE"]
