"""The SLA for concurrent users: how many, and how long a request may take."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.sla("SLA-USERS")
def test_as_many_users_as_promised_are_served_inside_every_bound(load_test, sla):
    """The largest number of streams at which every bound of that number holds."""
    assert load_test.users >= sla["SLA-USERS"]


@pytest.mark.sla("SLA-TIMEOUT")
def test_no_request_outlives_its_timeout(load_test, sla):
    """From the instant at which a request is due to its last token."""
    assert load_test.request_duration <= sla["SLA-TIMEOUT"]
