# /// script
# requires-python = ">=3.11"
# dependencies = ["httptools>=0.9", "numpy>=2.0", "psutil>=7"]
# ///
"""How many streams a load client follows before its own error passes 1 ms: ours beside its peers, in one run.

    uv run benchmarks/load_clients.py [--seconds 5] [--rounds 1] [--streams 16,32,64,96,128] [--peers aiperf,locust]

Every client reads the same scripted server, which stamps its send times: 80 events a second and stream, all streams at
one instant, as a batching engine sends. The server has one core, the client the other. Peers are installed by uv into
environments of their own. The limit counts the largest number of streams up to which p99 interval error stays < 1 ms;
with several rounds the median of each figure stands for its level, and a client is asked beyond its limit once.

``aiperf`` is the whole tool, with all its processes on the client's core; its gaps are those of its own raw export.
``aiohttp`` is what our client was before it had a protocol of its own (docs/decisions/0022). GuideLLM cannot be asked:
of a stream it keeps the instants of the first and the last token, so that no gap has an error. A machine that others
use disturbs every client: run it with `chrt -f 20` on Linux, and read the column of foreign processor time.
"""

from __future__ import annotations

# ruff: noqa: PLC0415  # the product is imported behind the change of sys.path
import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

RATE, LIMIT_US = 80, 1000
PEERS = {
    "aiperf": ["aiperf>=0.13"],
    "aiohttp": ["aiohttp>=3.14"],
    "locust": ["locust>=2.40"],
    "uvloop": ["uvloop>=0.21", "httptools>=0.6"],
    "httpx": ["httpx>=0.28"],
    "requests": ["requests>=2.32"],
}
CLIENT = Path(__file__).with_name("load_peers.py")


def main() -> None:
    """Measure every client at rising numbers of streams and print one line each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--streams", default="16,32,48,64,96,128,192")
    parser.add_argument("--peers", default=",".join(PEERS))
    options = parser.parse_args()
    levels = [int(level) for level in options.streams.split(",")]
    titles = ("p50 us", "p99 us", "max us")
    print(
        f"{'client':<12}{'streams':>8}"
        + "{:>9}{:>9}{:>9}".format(*titles)
        + f"{'CPU us/event':>14}{'RSS MB':>8}{'foreign':>9}"
    )
    names = ["ours", *filter(None, options.peers.split(","))]
    within: dict[str, list[int]] = {name: [] for name in names}
    memory: dict[str, list[tuple[int, float]]] = {name: [] for name in names}
    for streams in levels:
        rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in names}
        for turn in range(options.rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                asked = ours(streams, options.seconds) if name == "ours" else peer(name, streams, options.seconds)
                rows[name].append(asked)
        for name in names:
            row = [median(values) for values in zip(*rows[name], strict=True)]
            told = "{:>9.0f}{:>9.0f}{:>9.0f}{:>14.1f}{:>8.0f}{:>9.0%}".format(*row)
            print(f"{name:<12}{streams:>8}" + told, flush=True)
            memory[name].append((streams, row[4]))
            if row[1] < LIMIT_US:
                within[name].append(streams)
        names = [name for name in names if within[name][-1:] == [streams]]
    for name, limits in within.items():
        (few, less), (many, more) = memory[name][0], memory[name][-1]
        each = f"{(more - less) / (many - few) * 1e3:.0f} kB a stream" if many > few else "one level only"
        print(f"{name}: {max(limits, default=0)} streams below 1 ms; {each}")


def ours(streams: int, seconds: float) -> tuple[float, ...]:
    """The product's client through its own calibration."""
    from pytest_rawrxd.measure.load.calibration import calibrate

    found = calibrate(
        streams=streams, rate=RATE, seconds=seconds, pattern="burst", environ=os.environ, client_core=0, server_core=1
    )
    return (
        found.p50_us,
        found.p99_us,
        found.max_us,
        found.cpu_us_per_event,
        found.rss_bytes / 1e6,
        found.foreign_cpu_share,
    )


def peer(name: str, streams: int, seconds: float) -> tuple[float, ...]:
    """A peer in an environment of its own, against the same server."""
    import numpy as np

    from pytest_rawrxd.measure.load.calibration import calibration_server

    uv = shutil.which("uv")
    assert uv, "peers are installed by uv"
    packages = [word for package in [*PEERS[name], "psutil"] for word in ("--with", package)]
    with calibration_server(RATE, "burst", environ=os.environ, core=1) as (url, server):
        command = [uv, "run", "--no-project", "--quiet", *packages, "python", str(CLIENT), name, url]
        told = subprocess.run([*command, str(streams), str(round(seconds * RATE))], capture_output=True, check=True)
        found = json.loads(told.stdout)
        times = server.cpu_times()
    errors = np.concatenate(
        [
            np.abs(np.diff([seen for seen, _ in pairs]) - np.diff([sent for _, sent in pairs]))
            for pairs in found["pairs"]
        ]
    )
    events = sum(map(len, found["pairs"]))
    assert events == streams * round(seconds * RATE), f"{name} lost events"
    foreign = max(0.0, found["busy_s"] - found["cpu_s"] - times.user - times.system) / found["wall_s"] / found["cores"]
    return (
        *(float(np.percentile(errors, share)) / 1e3 for share in (50, 99, 100)),
        found["window_s"] * 1e6 / events,
        found["rss"] / 1e6,
        foreign,
    )


if __name__ == "__main__":
    main()
