# /// script
# requires-python = ">=3.11"
# dependencies = ["aiohttp>=3.14", "numpy>=2.0", "psutil>=7"]
# ///
"""How many streams a load client follows before its own error passes 1 ms: ours beside its peers, in one run.

    uv run benchmarks/load_clients.py [--seconds 5] [--streams 16,32,64,96,128] [--peers locust,uvloop]

Every client reads the same scripted server, which stamps its send times: 80 events a second and stream, all streams at
one instant, as a batching engine sends. The server has one core, the client the other. Peers are installed by uv into
environments of their own. The limit counts the largest number of streams up to which p99 interval error stays < 1 ms.
"""

from __future__ import annotations

# ruff: noqa: PLC0415  # each client is imported in an environment of its own
import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

RATE, LIMIT_US = 80, 1000
PEERS = {
    "locust": ["locust>=2.40"],
    "uvloop": ["uvloop>=0.21", "httptools>=0.6"],
    "httpx": ["httpx>=0.28"],
    "requests": ["requests>=2.32"],
}
SENT = re.compile(rb'"sent_ns":(\d+)')


def main() -> None:
    """Measure every client at rising numbers of streams and print one line each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--streams", default="16,32,48,64,96,128,192")
    parser.add_argument("--peers", default="locust,uvloop,httpx,requests")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        run_peer(options.peer, options.url, int(options.streams), round(options.seconds * RATE))
        return
    levels = [int(level) for level in options.streams.split(",")]
    titles = ("p50 us", "p99 us", "max us")
    print(
        f"{'client':<12}{'streams':>8}"
        + "{:>9}{:>9}{:>9}".format(*titles)
        + f"{'CPU us/event':>14}{'RSS MB':>8}{'foreign':>9}"
    )
    limits, memory = {}, {}
    for name in ["ours", *filter(None, options.peers.split(","))]:
        within = []
        for streams in levels:
            row = ours(streams, options.seconds) if name == "ours" else peer(name, streams, options.seconds)
            print(f"{name:<12}{streams:>8}" + "{:>9.0f}{:>9.0f}{:>9.0f}{:>14.1f}{:>8.0f}{:>9.0%}".format(*row))
            memory.setdefault(name, []).append((streams, row[4]))
            if row[1] >= LIMIT_US:
                break
            within.append(streams)
        limits[name] = max(within, default=0)
    for name, limit in limits.items():
        (few, less), (many, more) = memory[name][0], memory[name][-1]
        each = f"{(more - less) / (many - few) * 1e3:.0f} kB a stream" if many > few else "one level only"
        print(f"{name}: {limit} streams below 1 ms; {each}")


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
        command = [uv, "run", "--no-project", "--quiet", *packages, "python", __file__, "--peer", name, "--url", url]
        told = subprocess.run(
            [*command, "--streams", str(streams), "--seconds", str(seconds)], capture_output=True, check=True
        )
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
        found["cpu_s"] * 1e6 / events,
        found["rss"] / 1e6,
        foreign,
    )


def run_peer(name: str, url: str, streams: int, tokens: int) -> None:
    """In the peer's environment: follow the streams, then print what was seen and what it cost."""
    import gc

    import psutil

    me = psutil.Process()
    me.cpu_affinity([0])
    me.nice(-10)
    body = json.dumps({"max_tokens": tokens, "prompt": "x"}).encode()
    follow = {"locust": follow_locust, "uvloop": follow_uvloop, "httpx": follow_httpx, "requests": follow_requests}[
        name
    ]
    gc.collect()
    gc.freeze()
    gc.disable()
    begun, used, clocks = time.perf_counter(), time.process_time(), psutil.cpu_times()
    chunks = follow(f"{url}/completions", body, streams)
    wall, cpu, now = time.perf_counter() - begun, time.process_time() - used, psutil.cpu_times()
    busy = sum(now) - sum(clocks) - (now.idle - clocks.idle) - (now.iowait - clocks.iowait)
    pairs = [[(seen, int(sent)) for seen, data in kept for sent in SENT.findall(data)] for kept in chunks]
    answer = {"pairs": pairs, "wall_s": wall, "cpu_s": cpu, "busy_s": busy, "cores": psutil.cpu_count()}
    print(json.dumps({**answer, "rss": me.memory_info().rss}))


def follow_locust(url: str, body: bytes, streams: int) -> list[list[tuple[int, bytes]]]:
    """The client of Locust's FastHttpUser, a line at a time: its ``iter_lines`` would wait for 1024 bytes."""
    from gevent import monkey

    monkey.patch_all()
    import gevent
    from locust.contrib.fasthttp import FastHttpSession
    from locust.env import Environment

    environment = Environment()
    clock = time.perf_counter_ns

    def one(kept: list[tuple[int, bytes]]) -> None:
        session = FastHttpSession(base_url=url, request_event=environment.events.request, user=None)
        headers = {"Content-Type": "application/json"}
        response = session.post(url, data=body, headers=headers, stream=True)
        while line := response.stream.readline(b"\n"):
            kept.append((clock(), line))

    results: list[list[tuple[int, bytes]]] = [[] for _ in range(streams)]
    gevent.joinall([gevent.spawn(one, kept) for kept in results], raise_error=True)
    return results


def follow_uvloop(url: str, body: bytes, streams: int) -> list[list[tuple[int, bytes]]]:
    """The least that Python can do: uvloop, a protocol, and httptools after the instant was taken."""
    import httptools
    import uvloop

    host, port = re.match(r"http://([^:]+):(\d+)", url).groups()  # type: ignore[union-attr]  # our own server's URL
    clock = time.perf_counter_ns

    class Follow(asyncio.Protocol):
        def __init__(self) -> None:
            self.kept: list[tuple[int, bytes]] = []
            self.over = asyncio.get_running_loop().create_future()
            self.parser = httptools.HttpResponseParser(self)
            self.now = 0

        def connection_made(self, transport: asyncio.Transport) -> None:
            transport.write(b"POST /v1/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

        def data_received(self, data: bytes) -> None:
            self.now = clock()
            self.parser.feed_data(data)

        def on_body(self, data: bytes) -> None:
            self.kept.append((self.now, data))

        def connection_lost(self, _: Exception | None) -> None:
            self.over.set_result(None)

    async def everything() -> list[list[tuple[int, bytes]]]:
        loop = asyncio.get_running_loop()
        made = [(await loop.create_connection(Follow, host, int(port)))[1] for _ in range(streams)]
        await asyncio.gather(*(one.over for one in made))
        return [one.kept for one in made]

    return uvloop.run(everything())


def follow_httpx(url: str, body: bytes, streams: int) -> list[list[tuple[int, bytes]]]:
    """httpx without a limit of connections."""
    import httpx

    clock = time.perf_counter_ns

    async def everything() -> list[list[tuple[int, bytes]]]:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

            async def one() -> list[tuple[int, bytes]]:
                async with client.stream("POST", url, content=body) as response:
                    return [(clock(), data) async for data in response.aiter_raw()]

            return await asyncio.gather(*(one() for _ in range(streams)))

    return asyncio.run(everything())


def follow_requests(url: str, body: bytes, streams: int) -> list[list[tuple[int, bytes]]]:
    """requests, one thread a stream."""
    from concurrent.futures import ThreadPoolExecutor

    import requests

    clock = time.perf_counter_ns

    def one(_: int) -> list[tuple[int, bytes]]:
        with requests.post(url, data=body, stream=True, timeout=60) as response:
            return [(clock(), data) for data in response.iter_content(chunk_size=None)]

    with ThreadPoolExecutor(streams) as pool:
        return list(pool.map(one, range(streams)))


if __name__ == "__main__":
    main()
