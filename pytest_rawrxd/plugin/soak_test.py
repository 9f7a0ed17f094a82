"""What a soak showed, as quantities to compare with promises."""

from __future__ import annotations

from pytest_rawrxd.plugin.bound import Measured


class SoakTest:
    """Two days of bursts, idle phases and restarts, or what a rehearsal makes of them."""

    duration = Measured("soak_duration")
    completed = Measured("soak_completed")
    crashes = Measured("crashes", {"during": "soak"})
    error_log_lines = Measured("error_log_lines", {"during": "soak"})
    wrong_answers = Measured("wrong_answers", {"during": "soak"})
    failed_restarts = Measured("failed_restarts", {"during": "soak"})
    memory = Measured("vram_used", {"during": "soak"})
    memory_drift = Measured("vram_drift", {"during": "soak"})
    memory_floor = Measured("vram_hourly_floor", {"during": "soak"})
    memory_delta = Measured("vram_delta", {"during": "soak"})
    mean_latency = Measured("latency_trend", {"during": "soak"})
    temperature = Measured("gpu_temperature", {"during": "soak"})
    utilisation = Measured("gpu_utilisation", {"during": "soak"})
    availability = Measured("availability")
    p95 = Measured("soak_latency", quantile=0.95)
    p99 = Measured("soak_latency", quantile=0.99, rehearsed_quantile=0.95)

    @staticmethod
    def record(name: str) -> Measured:
        """Whether "memory_pressure", "checkpoints" or "daily_review" is complete, or says why it cannot be had."""
        return Measured("soak_record", {"record": name})

    @staticmethod
    def output(name: str) -> Measured:
        """Whether everything that this output shows of the soak is recorded."""
        return Measured("output_written", {"output": name})
