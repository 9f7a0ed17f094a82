"""Judging a 48 h soak: 138 million latencies in a histogram of minutes, 576 samples of 20 signals.

    uv run benchmarks/judge_soak.py

Builds the evidence hour by hour, writes and reads it as a run directory would, and judges every latency, memory, fault
and availability rule of the roadmap's profile on it. Prints seconds and the process's peak memory; fails beyond 5 s of
judging or 300 MB.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from pytest_rawrxd.measure.histogram import Histogram, merge, record
from pytest_rawrxd.verdict.availability import availability
from pytest_rawrxd.verdict.counts import spike, zero
from pytest_rawrxd.verdict.drift import drift, hourly_floor, settled, total_delta
from pytest_rawrxd.verdict.latency_slope import latency_slope
from pytest_rawrxd.verdict.outcome import Finding, Interval
from pytest_rawrxd.verdict.quantile import quantile, share_of_time
from pytest_rawrxd.verdict.utilisation import utilisation

HOURS, STREAMS, RATE = 48, 12, 800.0
MINUTES = HOURS * 60
BLOCK = round(RATE * 60)  #: tokens of one minute, all streams
SAMPLES, SIGNALS = 576, 20
BOUNDS_NS = (13_000_000, 50_000_000, 100_000_000, 200_000_000, 1_000_000_000)
MOST_S, MOST_MB = 5.0, 300.0


def soak(random: np.random.Generator) -> Histogram:
    """Return the latencies of 48 h, one block a minute, built as a soak builds them: never all at once."""
    parts = []
    for hour in range(HOURS):
        gaps = np.maximum(random.normal(12.3e6, 0.3e6, 60 * BLOCK), 1_000).astype(np.int64)
        slow = random.integers(0, gaps.size, gaps.size // 50)
        gaps[slow] = random.gamma(9, 3e6, slow.size).astype(np.int64)
        parts.append(record(gaps, block=60 * hour + np.arange(gaps.size) // BLOCK, bounds_ns=BOUNDS_NS))
    return merge(*parts)


def signals(random: np.random.Generator) -> dict[str, np.ndarray]:
    """Return 20 signals of 576 samples, five minutes apart."""
    hours = np.arange(SAMPLES) / 12
    found = {f"signal{number}": random.normal(50, 1, SAMPLES) for number in range(SIGNALS - 3)}
    return found | {
        "hours": hours,
        "memory_mb": 13_000 + 0.05 * hours + random.normal(0, 2, SAMPLES),
        "utilisation": np.clip(random.normal(94, 1, SAMPLES), 0, 100),
    }


def judge(latencies: Histogram, series: dict[str, np.ndarray]) -> list[Finding]:
    """Judge what the roadmap promises about two days."""
    steps = latencies.total // STREAMS
    hours, life = series["hours"], series["hours"] // 12
    held = settled(hours, series["memory_mb"], life)
    means = latencies.total_ns.reshape(HOURS, 60).sum(axis=1) / latencies.totals.reshape(HOURS, 60).sum(axis=1)
    over = latencies.over[:, latencies.bound(200_000_000)]
    return [
        *(
            quantile(latencies, quantile=q, bound=bound, steps=steps, minutes=MINUTES)
            for q, bound in ((0.5, 13.0), (0.95, 50.0), (0.99, 100.0))
        ),
        quantile(latencies, quantile=0.95, bound=50.0, steps=steps, minutes=MINUTES, by_time=True),
        share_of_time(latencies, above_ms=1000.0, limit_percent=0.5, steps=steps, minutes=MINUTES),
        spike(
            count=int(over.sum()),
            longest=float(latencies.longest_ns.max()) / 1e6,
            limit=200.0,
            values=latencies.total,
            hours=HOURS,
        ),
        drift(held),
        hourly_floor(held),
        total_delta(held),
        latency_slope(np.arange(HOURS), means),
        utilisation(series["utilisation"]),
        zero(0, hours=HOURS),
        availability(0, HOURS, recovery_minutes=Interval(1.0, 0.5, 2.0, 12)),
    ]


def timed(what: str, work: Callable[[], object]) -> tuple[object, float]:
    """Run ``work`` and print how long it took."""
    began = time.perf_counter()
    found = work()
    seconds = time.perf_counter() - began
    print(f"{what:<44} {seconds:7.2f} s")
    return found, seconds


def main() -> int:
    """Return 0 when judging stays inside its bounds."""
    random = np.random.default_rng(48)
    latencies, _ = timed("build: random numbers and 138 M inserts", lambda: soak(random))
    assert isinstance(latencies, Histogram)
    series = signals(random)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "soak.npz"
        np.savez_compressed(path, **latencies.to_arrays(), **series)
        print(
            f"{latencies.total:,} latencies, {SIGNALS} x {SAMPLES} samples: {path.stat().st_size / 1e6:.1f} MB on disk"
        )
        del latencies
        before = psutil.Process().memory_info().rss

        def work() -> list[Finding]:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            return judge(Histogram.from_arrays(arrays), {name: arrays[name] for name in series})

        findings, first = timed("read and judge, first time", work)
        _, again = timed("read and judge, again", work)
    assert isinstance(findings, list)
    for finding in findings:
        print(f"  {finding.verdict}: {finding.reason[:100]}")
    grown = (psutil.Process().memory_info().rss - before) / 1e6
    print(f"resident after judging {psutil.Process().memory_info().rss / 1e6:.0f} MB, grown by {grown:.0f} MB")
    peak = peak_mb()
    print(f"peak of the process, building included: {peak:.0f} MB")
    return int(max(first, again) > MOST_S or peak > MOST_MB)


def peak_mb() -> float:
    """Peak resident memory of this process in MB, or the present one where the system keeps no peak."""
    found = psutil.Process().memory_info()
    try:
        import resource  # noqa: PLC0415  # Linux and macOS
    except ImportError:
        return float(getattr(found, "peak_wset", found.rss)) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


if __name__ == "__main__":
    sys.exit(main())
