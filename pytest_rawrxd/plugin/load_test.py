"""What a load test showed, as quantities to compare with promises."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_rawrxd.plugin.bound import Measured


@dataclass(frozen=True)
class Quantiles:
    """A latency at one number of streams, by quantile."""

    metric: str
    streams: int

    def _at(self, quantile: float, *, rehearsed: float | None = None) -> Measured:
        return Measured(self.metric, {"streams": self.streams}, quantile=quantile, rehearsed_quantile=rehearsed)

    @property
    def p50(self) -> Measured:
        """Half of all values are no longer."""
        return self._at(0.5)

    @property
    def p95(self) -> Measured:
        """95 of 100 values are no longer."""
        return self._at(0.95)

    @property
    def p99(self) -> Measured:
        """99 of 100 values are no longer; a rehearsal, which is too short for them, may judge 95 of 100."""
        return self._at(0.99, rehearsed=0.95)


@dataclass(frozen=True)
class Loaded:
    """What keeping ``streams`` streams busy showed."""

    streams: int

    def _measured(self, metric: str, **more: int) -> Measured:
        return Measured(metric, {"streams": self.streams, **more})

    @property
    def inter_token(self) -> Quantiles:
        """The gaps between tokens, all streams pooled."""
        return Quantiles("inter_token_latency", self.streams)

    @property
    def time_weighted(self) -> Quantiles:
        """The gaps between tokens, each weighted by its length: what a moment of waiting sees."""
        return Quantiles("time_weighted_latency", self.streams)

    @property
    def each_server(self) -> Quantiles:
        """The gaps between tokens of each server of a fleet alone."""
        return Quantiles("server_latency", self.streams)

    @property
    def server_spread(self) -> Measured:
        """How far the servers of a fleet are from equal shares of the requests."""
        return self._measured("server_spread")

    @property
    def first_token(self) -> Quantiles:
        """The wait for the first token, from the instant at which the request was due."""
        return Quantiles("time_to_first_token", self.streams)

    @property
    def longest_gap(self) -> Measured:
        """The longest gap between two tokens of a stream."""
        return self._measured("longest_gap")

    @property
    def stalled_share(self) -> Measured:
        """Share of the time that streams spend in stalls."""
        return self._measured("stalled_share")

    @property
    def mean_gap(self) -> Measured:
        """Mean gap between tokens."""
        return self._measured("mean_inter_token_latency")

    def shown_quantile(self, percentile: int) -> Measured:
        """A quantile of the gaps that is shown beside its expectation, without a test."""
        return self._measured("inter_token_quantile", percentile=percentile)

    @property
    def throughput(self) -> Measured:
        """Tokens of all streams per second."""
        return self._measured("aggregate_tps")

    @property
    def host_throughput(self) -> Measured:
        """Tokens of all cards of the host per second, with this number of streams on each of them at once."""
        return self._measured("host_tps")

    @property
    def efficiency(self) -> Measured:
        """Throughput as a share of as many times one stream."""
        return self._measured("scaling_efficiency")

    @property
    def completed(self) -> Measured:
        """Requests with every token asked for."""
        return self._measured("requests_completed")


class LoadTest:
    """What all runs of the load test showed together."""

    crashes = Measured("crashes", {"during": "load"})
    device_errors = Measured("device_errors", {"during": "load"})
    memory = Measured("vram_used", {"during": "load"})
    memory_delta = Measured("vram_delta", {"during": "load"})
    utilisation = Measured("gpu_utilisation", {"during": "load"})
    temperature = Measured("gpu_temperature", {"during": "load"})
    request_duration = Measured("request_duration", {"during": "load"})
    wrong_answers = Measured("wrong_answers", {"during": "load"})
    users = Measured("concurrent_users")
