"""One peer of load_clients.py, in its own environment: ``python load_peers.py NAME URL STREAMS TOKENS``.

It follows the streams of a server that stamps its send times and prints one line of JSON: the pairs of instants (seen,
sent) of every stream, and what that cost.
"""

from __future__ import annotations

# ruff: noqa: PLC0415  # each peer is there in one environment only
import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SENT = re.compile(rb'"sent_ns":(\d+)')


def run_peer(name: str, url: str, streams: int, tokens: int) -> None:
    """In the peer's environment: follow the streams, then print what was seen and what it cost."""
    import gc

    import psutil

    me = psutil.Process()
    me.cpu_affinity([0])
    me.nice(-10)
    body = json.dumps({"max_tokens": tokens, "prompt": "x"}).encode()
    gc.collect()
    gc.freeze()
    gc.disable()
    begun, clocks = time.perf_counter(), psutil.cpu_times()
    with Cost() as cost:
        chunks = FOLLOWERS[name](f"{url}/completions", body, streams)
    wall, now = time.perf_counter() - begun, psutil.cpu_times()
    busy = sum(now) - sum(clocks) - (now.idle - clocks.idle) - (now.iowait - clocks.iowait)
    pairs = [[(seen, int(sent)) for seen, data in kept for sent in SENT.findall(data)] for kept in chunks]
    whole, window = cost.between(None), cost.between([seen for kept in pairs for seen, _ in kept])
    answer = {"pairs": pairs, "wall_s": wall, "cpu_s": whole, "window_s": window, "busy_s": busy, "rss": cost.rss}
    print(json.dumps({**answer, "cores": psutil.cpu_count()}))


class Cost:
    """Processor time and memory of this process and all its children, looked at twice a second from the other core."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, float]] = []
        self.rss = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Cost:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def between(self, instants: list[int] | None) -> float:
        """Seconds of processor time in the window of ``instants``, or in all of it."""
        import numpy as np

        at, used = zip(*self.seen, strict=True)
        first, last = (min(instants), max(instants)) if instants else (at[0], at[-1])
        return float(np.interp(last, at, used) - np.interp(first, at, used))

    def _watch(self) -> None:
        os.sched_setaffinity(threading.get_native_id(), [1])
        while not self._over.wait(0.5):
            self._look()

    def _look(self) -> None:
        import psutil

        me = psutil.Process()
        now, used, rss = time.perf_counter_ns(), 0.0, 0
        for process in [me, *me.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used += times.user + times.system + times.children_user + times.children_system
                rss += process.memory_info().rss
        self.seen.append((now, max(used, self.seen[-1][1] if self.seen else 0.0)))
        self.rss = max(self.rss, rss)


def follow_aiperf(url: str, body: bytes, streams: int) -> list[list[tuple[int, bytes]]]:
    """AIPerf as its users run it; all its processes inherit this one's core, and its raw export has the instants."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    bytewise = Tokenizer(models.BPE({c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []))
    bytewise.pre_tokenizer, bytewise.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    tokens = json.loads(body)["max_tokens"]
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = str(Path(folder, "tokenizer"))  # its built-in one is downloaded at each start
        PreTrainedTokenizerFast(tokenizer_object=bytewise).save_pretrained(tokenizer)
        command = [sys.executable, "-m", "aiperf", "profile", "--model-names", "calibration", "--tokenizer", tokenizer]
        command += ["--url", url.removesuffix("/v1/completions"), "--endpoint-type", "completions", "--streaming"]
        command += ["--concurrency", str(streams), "--request-count", str(streams), "--use-server-token-count"]
        command += ["--use-legacy-max-tokens", "--osl", str(tokens), "--isl", "8", "--export-level", "raw"]
        command += ["--artifact-dir", folder, "--ui", "none", "--no-gpu-telemetry", "--no-server-metrics"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lines = Path(folder, "profile_export_raw.jsonl").read_text("utf-8").splitlines()
    answers = [json.loads(line)["responses"] for line in lines]
    return [
        [(event["perf_ns"], packet["value"].encode()) for event in answer for packet in event["packets"]]
        for answer in answers
    ]


def follow_aiohttp(url: str, body: bytes, streams: int) -> list[list[tuple[int, bytes]]]:
    """aiohttp without a limit of connections: the instant of each piece that its reader hands over."""
    import aiohttp

    clock = time.perf_counter_ns

    async def everything() -> list[list[tuple[int, bytes]]]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def one() -> list[tuple[int, bytes]]:
                async with session.post(url, data=body) as response:
                    return [(clock(), data) async for data in response.content.iter_any()]

            return await asyncio.gather(*(one() for _ in range(streams)))

    return asyncio.run(everything())


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


FOLLOWERS = {name.removeprefix("follow_"): follow for name, follow in globals().items() if name.startswith("follow_")}

if __name__ == "__main__":
    run_peer(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
