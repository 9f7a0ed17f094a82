"""Each fault: its effect is shown, its errors are told clearly, nothing hangs, service comes back."""

import pytest

pytestmark = [pytest.mark.phase2, pytest.mark.faults]


@pytest.mark.sla("P2-FAULT-CRASH")
def test_a_crash_of_the_process_is_handled(faults, sla):
    """The process is killed while requests are in flight."""
    assert faults.handled("process_crash") == sla["P2-FAULT-CRASH"]


@pytest.mark.sla("P2-FAULT-DEVICE")
def test_a_lost_device_is_handled(faults, sla):
    """The device is hidden when the process starts again."""
    assert faults.handled("device_unavailable") == sla["P2-FAULT-DEVICE"]


@pytest.mark.sla("P2-FALLBACK")
def test_the_cpu_takes_over_when_the_gpu_backend_fails(faults, sla):
    """Correct answers on the CPU, then back on the device, as the load log's buffers say."""
    assert faults.cpu_fallback == sla["P2-FALLBACK"]


@pytest.mark.sla("P2-FAULT-OOM")
def test_exhausted_memory_is_handled(faults, sla):
    """A context too large, a cache that fills up, a process that gets no memory."""
    assert faults.handled("out_of_memory") == sla["P2-FAULT-OOM"]


@pytest.mark.sla("P2-FAULT-TIMEOUT")
def test_a_timeout_is_handled(faults, sla):
    """Clients hang up before the answer is complete."""
    assert faults.handled("timeout") == sla["P2-FAULT-TIMEOUT"]


@pytest.mark.sla("P2-FAULT-FREEZE")
def test_a_frozen_process_is_handled(faults, sla):
    """Its sockets stay open and nothing comes."""
    assert faults.handled("freeze") == sla["P2-FAULT-FREEZE"]


@pytest.mark.sla("P2-FAULT-MODEL")
def test_an_unreadable_model_file_is_handled(faults, sla):
    """The file is damaged or gone when the process starts again."""
    assert faults.handled("model_file") == sla["P2-FAULT-MODEL"]


@pytest.mark.sla("P2-FAULT-CONNECTION")
def test_broken_and_slow_connections_are_handled(faults, sla):
    """Reset, truncated, half open, swallowed and slow connections, each beside a good one."""
    assert faults.handled("connection") == sla["P2-FAULT-CONNECTION"]


@pytest.mark.sla("P2-FAULT-REQUEST")
def test_malformed_and_oversized_requests_are_handled(faults, sla):
    """What is no request is refused with a clear error."""
    assert faults.handled("malformed") == sla["P2-FAULT-REQUEST"]


@pytest.mark.sla("P2-FAULT-CANCEL")
def test_requests_that_clients_give_up_are_handled(faults, sla):
    """Their slots come back."""
    assert faults.handled("cancellation") == sla["P2-FAULT-CANCEL"]


@pytest.mark.sla("P2-FAULT-JOURNAL")
def test_a_full_disk_under_the_journal_is_handled(faults, sla):
    """The suite's own journal says that it cannot be written, and keeps what it has."""
    assert faults.handled("journal_full") == sla["P2-FAULT-JOURNAL"]


@pytest.mark.sla("P2-REPORT-ERRORS")
def test_errors_and_recovery_procedures_are_documented(faults, sla):
    """Rendered from what was measured."""
    assert faults.documented == sla["P2-REPORT-ERRORS"]
