"""One HTTP/1.1 connection: every read gets its instant before anything else happens to its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import httptools

from pytest_rawrxd.measure.load.exchange import NAMED, Exchange
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.framing import printable

READ_BYTES = 1 << 16

Clock = Callable[[], int]


class Connection(asyncio.BufferedProtocol):
    """Asks one request at a time. What the server does with it is written into the exchange, never raised.

    The instant of a read stands for all that it brought. httptools reads HTTP behind it, and calls the ``on_`` methods.
    """

    def __init__(self, clock: Clock, server_header: str | None = None) -> None:
        self._clock = clock
        self._server_header = server_header.lower().encode() if server_header else None
        # A buffer of its own: asyncio promises nobody that one connection's read is told before the next one's begins.
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._loop = asyncio.get_running_loop()
        self._kept: Exchange | None = None
        self.usable = False  #: connected, and nothing is left over of the last answer

    async def ask(self, request: bytes, kept: Exchange, *, limit: int, silence_s: float) -> None:
        """Send ``request`` and return when its answer is whole or has failed.

        ``limit`` bounds the bytes of the answer, ``silence_s`` the wait for the next of them.
        """
        self._kept, self._limit, self._silence_s = kept, limit, silence_s
        self._bodies: list[bytes] = []
        self._received = 0
        self._parser: Any = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] | None = {}
        self._complete = self._keeps = self._until_closed = False
        self._over = self._loop.create_future()
        self._heard_ns = self._clock()
        self._watch = self._loop.call_later(silence_s, self._listen)
        self.usable = False
        if self._transport.is_closing():  # between two requests: nothing will be told of it any more
            self._end(Failure.DISCONNECTED, "the server closed the connection")
        else:
            self._transport.write(request)
        try:
            await self._over
        finally:
            self._kept = None
            self._watch.cancel()

    def close(self) -> None:
        """Give the socket back at once, also in the middle of an answer."""
        self.usable = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)
        self.usable = True

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Stamp what arrived, read it, keep it."""
        now = self._clock()
        kept = self._kept
        if kept is None:
            self.close()  # nobody asked: what follows could be taken for the next answer
            return
        self._heard_ns = now
        self._received += nbytes
        problem = ""
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as found:
            problem = str(found) or type(found).__name__
        if bodies := self._bodies:
            kept.stamps_ns.append(now)
            kept.chunks.append(bodies[0] if len(bodies) == 1 else b"".join(bodies))
            bodies.clear()
        if self._complete:
            self._end(usable=not problem and self._keeps)
        elif problem:
            self._end(Failure.BROKEN_HTTP, problem)
        elif self._received > self._limit:
            self._end(Failure.TOO_LARGE, f"more than {self._limit} bytes")

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of an answer without a length, or of an answer that has no end."""
        self.usable = False
        if exc is None and self._kept and self._until_closed:
            self._end()
        else:
            self._end(Failure.DISCONNECTED, str(exc) if exc else "the server closed the connection")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what the verdict needs; trailers are none of it."""
        if self._headers is not None:
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The answer has begun."""
        kept, status, headers = self._kept, self._parser.get_status_code(), self._headers or {}
        self._headers = None
        if kept is None or status < 200:
            return
        kept.status = status
        kept.content_type = headers.get(b"content-type", b"").decode("latin-1")
        kept.retry_after = headers.get(b"retry-after", b"").decode("latin-1")
        kept.location = headers.get(b"location", b"").decode("latin-1")
        if self._server_header is not None:
            kept.server = printable(headers.get(self._server_header, b"").decode("latin-1"), NAMED)
        framed = b"chunked" in headers.get(b"transfer-encoding", b"").lower() or b"content-length" in headers
        self._until_closed = not framed

    def on_body(self, body: bytes) -> None:
        """Collect what one read brings."""
        self._bodies.append(body)

    def on_message_complete(self) -> None:
        """An answer is whole; "100 Continue" only announces one."""
        if self._kept is not None and self._kept.status is None:
            self._headers = {}
        else:
            self._complete, self._keeps = True, self._parser.should_keep_alive()

    def _listen(self) -> None:
        """End a server that is silent; look again when it could be, where it is not."""
        quiet_s = (self._clock() - self._heard_ns) / 1e9
        if quiet_s >= self._silence_s:
            self._end(Failure.STALLED, f"nothing received for {self._silence_s:g} s")
        else:
            self._watch = self._loop.call_later(self._silence_s - quiet_s, self._listen)

    def _end(self, broken: Failure = Failure.NONE, detail: str = "", *, usable: bool = False) -> None:
        if (kept := self._kept) is None:
            return
        kept.broken, kept.detail, kept.ended_ns = broken, detail, self._clock()
        self._kept = None
        self.usable = usable
        if not self._over.done():
            self._over.set_result(None)
