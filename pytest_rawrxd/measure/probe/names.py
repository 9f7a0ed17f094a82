"""The names of what the probe exports, by Prometheus convention: base units, counters end in ``_total``."""

from __future__ import annotations

JOB = "rawrxd"  #: the scrape job that the rules read

UP = "rawrxd_up"  #: 1 while the target answers its health and completed the last probe request
GAP = "rawrxd_inter_token_seconds"  #: histogram
FIRST_TOKEN = "rawrxd_time_to_first_token_seconds"  # noqa: S105 - a histogram, no password
REQUEST = "rawrxd_request_duration_seconds"  #: histogram
TOKENS = "rawrxd_decoded_tokens_total"  #: tokens of probe requests after each one's first
DECODE = "rawrxd_decode_seconds_total"  #: time from the first to the last token of probe requests
REQUESTS = "rawrxd_requests_total"
FAILURES = "rawrxd_request_failures_total"  #: by reason
MEMORY = "rawrxd_vram_used_bytes"
TEMPERATURE = "rawrxd_gpu_temperature_celsius"
UTILISATION = "rawrxd_gpu_utilization_ratio"
START = "rawrxd_target_start_time_seconds"
RUNNING = "rawrxd_target_requests_running"
WAITING = "rawrxd_target_requests_waiting"
TARGET_TOKENS = "rawrxd_target_tokens_total"
TARGET_REQUESTS = "rawrxd_target_requests_total"
TARGET_FAILURES = "rawrxd_target_request_failures_total"
CACHE = "rawrxd_target_kv_cache_usage_ratio"
