"""A small proxy in front of a server, which treats its connections badly. Never in the path of a latency run.

It runs in a thread of its own and only ever connects to the loopback address.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal, Self

PIECE = 4096
START_S = 10.0

#: What happens when ``after`` bytes of the answer have passed.
Cut = Literal["none", "reset", "truncate", "half-open", "blackhole"]


@dataclass(frozen=True)
class Behaviour:
    """How one proxy treats every connection."""

    cut: Cut = "none"  #: reset (RST to both), truncate (orderly end), half-open (the server sees silence), blackhole
    after: int = 0  #: bytes of the answer that pass before the cut
    delay_s: float = 0.0  #: before each piece of the answer
    rate: float | None = None  #: bytes a second that the client takes; None: as fast as they come


@dataclass
class Seen:
    """What a proxy did so far."""

    connections: int = 0
    answered_bytes: int = 0
    cuts: int = 0
    server_closed: int = 0  #: connections that the server ended after a cut, by itself


class Proxy:
    """Forwards connections to ``port`` of the loopback address. Use as a context manager."""

    def __init__(self, port: int, behaviour: Behaviour) -> None:
        self.seen = Seen()
        self.port = 0
        self._upstream, self._behaviour = port, behaviour
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="proxy")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=PIECE))
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(self._loop), return_exceptions=True))
        self._loop.close()

    async def _serve(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        self.seen.connections += 1
        try:
            server_in, server_out = await asyncio.open_connection("127.0.0.1", self._upstream, limit=PIECE)
        except OSError:
            client_out.close()
            return
        try:
            await _until_first(_forward(client_in, server_out), self._answer(server_in, server_out, client_out))
        except asyncio.CancelledError:  # the proxy ends: asyncio complains of handlers that end cancelled
            pass
        finally:
            for writer in (client_out, server_out):
                writer.close()

    async def _answer(
        self, server_in: asyncio.StreamReader, server_out: asyncio.StreamWriter, client_out: asyncio.StreamWriter
    ) -> None:
        behaviour, passed = self._behaviour, 0
        while piece := await server_in.read(PIECE):
            if behaviour.delay_s or behaviour.rate:
                await asyncio.sleep(behaviour.delay_s + (len(piece) / behaviour.rate if behaviour.rate else 0.0))
            passed += len(piece)
            if behaviour.cut != "none" and passed > behaviour.after:
                self.seen.cuts += 1
                await self._cut(server_in, server_out, client_out)
                return
            self.seen.answered_bytes += len(piece)
            client_out.write(piece)
            await client_out.drain()

    async def _cut(
        self, server_in: asyncio.StreamReader, server_out: asyncio.StreamWriter, client_out: asyncio.StreamWriter
    ) -> None:
        match self._behaviour.cut:
            case "reset":
                _reset(server_out)
                _reset(client_out)
            case "truncate":
                client_out.close()
            case "half-open":  # the client is gone without a word; nobody reads what the server goes on sending
                client_out.close()
                await asyncio.Event().wait()
            case _:  # blackhole: everything is read and thrown away until the server ends it
                while await server_in.read(PIECE):
                    pass
                self.seen.server_closed += 1

    def __enter__(self) -> Self:
        """Listen on a free port."""
        self._thread.start()
        if not self._listening.wait(START_S):
            raise TimeoutError("the proxy does not listen")
        return self

    def __exit__(self, *exc: object) -> None:
        """End every connection."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)


async def _forward(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(PIECE):
        sink.write(piece)
        await sink.drain()
    await asyncio.Event().wait()  # the client has said all: the answer decides when the connection ends


async def _until_first(*ways: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.ensure_future(way) for way in ways]
    done, open_ones = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in open_ones:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await task
    for task in done:
        with contextlib.suppress(OSError):  # a connection that broke is what a proxy of this kind is for
            task.result()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
