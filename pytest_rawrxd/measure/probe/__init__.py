"""The probe exporter: a light stream of requests whose latencies a monitoring system can hold against the SLA."""
