"""Success criterion: all data in GitHub."""

import pytest

pytestmark = pytest.mark.phase1


@pytest.mark.sla("P1-DATA")
def test_all_data_is_under_version_control(data_under_version_control, sla):
    """Raw evidence, table and charts are in a commit by their digests: publish, commit, then judge the run again."""
    assert data_under_version_control == sla["P1-DATA"]
