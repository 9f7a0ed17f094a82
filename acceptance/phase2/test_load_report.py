"""What the load test hands over: its report, with a histogram of every level."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.usefixtures("load_test")
@pytest.mark.sla("P2-REPORT-LOAD")
def test_the_load_test_is_reported_with_its_histograms(documents, sla):
    """Every level of the profile, in more than one process, and the main run."""
    assert documents.output("concurrency_load_test") == sla["P2-REPORT-LOAD"]
