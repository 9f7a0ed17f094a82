"""Prometheus and Alertmanager as programs of this machine: found, asked, started on loopback, ended."""
