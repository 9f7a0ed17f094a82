"""Success criterion: error handling verified. Every fault is shown to have taken effect, every loss is counted."""

import pytest

pytestmark = [pytest.mark.phase2, pytest.mark.faults]


@pytest.mark.sla("P2-LOSS")
def test_hardly_any_request_is_lost(faults, sla):
    """Requests not completed correctly within their deadline after the allowed retries."""
    assert faults.lost <= sla["P2-LOSS"]


@pytest.mark.sla("P2-MTTR", "SLA-MTTR")
def test_service_recovers_in_time(faults, sla):
    """From the injection to the first good answer after everything bad."""
    assert faults.recovery <= sla["P2-MTTR"]
    assert faults.recovery <= sla["SLA-MTTR"]


@pytest.mark.sla("SLA-AVAIL")
def test_the_service_is_available(faults, sla):
    """What crashes that nobody asked for and the time to recover from them leave of a month."""
    assert faults.availability >= sla["SLA-AVAIL"]


@pytest.mark.sla("P2-CRASH-FAULTS")
def test_nothing_crashes_outside_the_injections(faults, sla):
    """Ends of the process that no injection caused."""
    assert faults.crashes == sla["P2-CRASH-FAULTS"]


@pytest.mark.sla("P2-FAULT-ENDS")
def test_no_request_hangs_past_its_deadline(faults, sla):
    """Every request ends, well or badly, by its deadline."""
    assert faults.hung == sla["P2-FAULT-ENDS"]


@pytest.mark.sla("P2-QUEUE", "SLA-QUEUE")
def test_waiting_requests_are_served(faults, sla):
    """More requests at once than the queue is promised for."""
    assert faults.queue_served >= sla["P2-QUEUE"]
    assert faults.queue_served >= sla["SLA-QUEUE"]
