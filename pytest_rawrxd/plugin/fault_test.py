"""What a fault campaign showed, as quantities to compare with promises."""

from __future__ import annotations

from pytest_rawrxd.plugin.bound import Measured


class FaultTest:
    """The service while things break, and after."""

    lost = Measured("lost_requests")
    lost_by_fleet = Measured("fleet_loss")
    recovery = Measured("recovery_time")
    availability = Measured("availability")
    crashes = Measured("crashes", {"during": "faults"})
    hung = Measured("hung_requests", {"during": "faults"})
    queue_served = Measured("queue_served")
    cpu_fallback = Measured("cpu_fallback")
    documented = Measured("output_written", {"output": "error_handling"})

    @staticmethod
    def handled(fault: str) -> Measured:
        """Whether every fault of this kind took effect, was told clearly, and service came back."""
        return Measured("fault_handled", {"fault": fault})

    wrong_answers = Measured("wrong_answers", {"during": "faults"})
