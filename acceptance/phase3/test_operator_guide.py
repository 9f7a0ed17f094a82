"""Success criterion: operator guide tested by a non-author."""

import pytest

pytestmark = pytest.mark.phase3


@pytest.mark.sla("P3-OPERATOR")
def test_somebody_other_than_the_author_deployed_by_the_guide(documents, sla):
    """The signed answers of `rawrxd walkthrough`, with another key than the author's."""
    assert documents.walkthrough == sla["P3-OPERATOR"]
