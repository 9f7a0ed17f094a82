"""Success criterion: zero unplanned crashes, here under concurrent load."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.sla("P2-CRASH-LOAD")
def test_nothing_crashes_under_load(load_test, sla):
    """No engine process ends by itself or has to be ended."""
    assert load_test.crashes == sla["P2-CRASH-LOAD"]


@pytest.mark.sla("P2-DEVICE-LOAD")
def test_the_device_reports_no_error_under_load(load_test, sla):
    """Neither the engine's log nor its return codes speak of the device."""
    assert load_test.device_errors == sla["P2-DEVICE-LOAD"]
