"""A scripted server, a process of its own, that writes its send time into every event.

``python -m pytest_rawrxd.measure.load.calibration_server --rate EVENTS --pattern burst|spread`` speaks just enough
OpenAI streaming for the load client, on a free loopback port, and says ``{"port"}`` on stdout.
Instants are ``time.perf_counter_ns``, which all processes of one machine share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
import time
from typing import cast

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
#: Fills an event to the size that llama-server sends.
PADDING = "x" * 160


class Stream(asyncio.Protocol):
    """One connection: a request in, then one event per period until ``max_tokens``."""

    def __init__(self, rate: float, pattern: str, seats: list[int]) -> None:
        self._period, self._spread, self._seats = 1.0 / rate, pattern == "spread", seats
        self._received = b""
        self._left = self._tokens = 0
        self._due = 0.0
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Begin to answer when the whole request is there."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or len(body) < _content_length(head):
            return
        self._received = b""
        self._left = self._tokens = int(json.loads(body)["max_tokens"])
        self._transport.write(HEAD)
        self._due = self._first()
        self._loop.call_at(self._due, self._send)

    def _first(self) -> float:
        """The next instant of the common grid: burst-aligned, or shifted by this stream's seat."""
        seat = self._seats.pop() if self._seats else 0
        grid = (self._loop.time() // self._period + 1) * self._period
        return grid + (seat * 0.6180339887 % 1.0 * self._period if self._spread else 0.0)

    def _send(self) -> None:
        if self._transport.is_closing():
            return
        if self._left:
            reason = "null" if self._left > 1 else '"length"'
            self._left -= 1
            self._due += self._period
            self._loop.call_at(self._due, self._send)
            choice = f'{{"index":0,"text":" a","finish_reason":{reason},"padding":"{PADDING}"}}'
            head = f'"object":"text_completion","sent_ns":{time.perf_counter_ns()}'
            self._write(f'data: {{{head},"choices":[{choice}]}}\n\n')
            return
        usage = f'"usage":{{"completion_tokens":{self._tokens},"prompt_tokens":1}}'
        self._write(f'data: {{"choices":[],{usage}}}\n\ndata: [DONE]\n\n')
        self._transport.write(b"0\r\n\r\n")
        self._transport.close()

    def _write(self, text: str) -> None:
        self._transport.write(f"{len(text):x}\r\n{text}\r\n".encode())


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


async def serve(rate: float, pattern: str) -> None:
    """Serve until the parent closes stdin."""
    loop = asyncio.get_running_loop()
    seats = list(range(4096, 0, -1))
    server = await loop.create_server(lambda: Stream(rate, pattern, seats), "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    over = asyncio.Event()
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), loop.call_soon_threadsafe(over.set)), daemon=True).start()
    await over.wait()
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--pattern", choices=("burst", "spread"), required=True)
    options = parser.parse_args()
    asyncio.run(serve(options.rate, options.pattern))
