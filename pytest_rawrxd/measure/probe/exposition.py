"""What Prometheus reads: counters and histograms of the probe, and what is known now about its target.

A value that nobody could read is left out, and never exported as 0: an alert on its absence says so.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from pytest_rawrxd.measure.probe import names
from pytest_rawrxd.measure.probe.terms import ProbeTerms
from pytest_rawrxd.rig.server.failure import Failure

NOW = {
    names.UP: "1 while the target answers its health and completed the last probe request.",
    names.MEMORY: "Device memory in use; resident memory of the server where it computes on the CPU.",
    names.TEMPERATURE: "Temperature of the GPU.",
    names.UTILISATION: "Busy share of the GPU, 0 to 1.",
    names.START: "Start of the target's process, as a Unix time.",
    names.RUNNING: "Requests that the target works on.",
    names.WAITING: "Requests that wait in the target.",
    names.CACHE: "Share of the target's KV cache in use, 0 to 1.",
}
COUNTED = {
    names.TARGET_TOKENS: "Tokens that the target counted itself.",
    names.TARGET_REQUESTS: "Requests that the target counted itself.",
    names.TARGET_FAILURES: "Failed requests that the target counted itself.",
}


class Exposition:
    """The registry of one probe. ``readings`` are replaced as a whole."""

    def __init__(self, terms: ProbeTerms) -> None:
        self.registry = CollectorRegistry()
        self._terms = terms
        self._lock = threading.Lock()
        self._readings: Mapping[str, float] = {names.UP: 0.0}
        self._gaps: Any = None
        self._tokens: Any = None
        self._decode: Any = None
        self._first: Any = None
        self.request = Histogram(
            names.REQUEST, "From a probe request to its last byte.", buckets=terms.request_edges, registry=self.registry
        )
        self.requests = Counter(names.REQUESTS, "Probe requests that ended.", registry=self.registry)
        self.failures = Counter(
            names.FAILURES, "Probe requests that failed, by reason.", ["reason"], registry=self.registry
        )
        for failure in Failure:
            if failure:
                self.failures.labels(failure.name.lower())
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def streams(self) -> None:
        """Export what only a server that sends token after token can show; nothing of it before one is known."""
        if self._gaps is None:
            terms = self._terms
            self._gaps = Histogram(
                names.GAP, "Gap between two tokens.", buckets=terms.gap_edges, registry=self.registry
            )
            self._first = Histogram(
                names.FIRST_TOKEN,
                "From a request to its first token.",
                buckets=terms.first_edges,
                registry=self.registry,
            )
            self._tokens = Counter(names.TOKENS, "Tokens received after each request's first.", registry=self.registry)
            self._decode = Counter(
                names.DECODE, "Time from the first to the last token of requests.", registry=self.registry
            )

    def first_token(self, seconds: float) -> None:
        self._first.observe(seconds)

    def gap(self, seconds: float, tokens: int) -> None:
        """A gap before a chunk of ``tokens`` tokens: those of one chunk came together, each after its share."""
        for _ in range(tokens):
            self._gaps.observe(seconds / tokens)
        self._tokens.inc(tokens)
        self._decode.inc(seconds)

    def ended(self, seconds: float, failure: Failure) -> None:
        """A request is over."""
        self.request.observe(seconds)
        self.requests.inc()
        if failure:
            self.failures.labels(failure.name.lower()).inc()

    def know(self, readings: Mapping[str, float]) -> None:
        """Replace everything that is known about the target now."""
        with self._lock:
            self._readings = dict(readings)

    def collect(self) -> Iterator[Any]:
        """The metric families of what is known now."""
        with self._lock:
            known = dict(self._readings)
        for name, words in NOW.items():
            if name in known:
                yield GaugeMetricFamily(name, words, value=known[name])
        for name, words in COUNTED.items():
            if name in known:
                yield CounterMetricFamily(name.removesuffix("_total"), words, value=known[name])
