"""The connections of one client process to its server, and one exchange over them with a deadline."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.rig.server.failure import Failure

if TYPE_CHECKING:
    from pytest_rawrxd.measure.load.connection import Connection

#: Head start of one address of a name before the next is tried too (RFC 8305).
NEXT_ADDRESS_S = 0.25
PATH_LETTERS = "/%:@!$&'()*+,;=~"
DEFAULT_PORTS = {"http": 80, "https": 443}

Clock = Callable[[], int]


class Pool:
    """Connections to the server of ``plan``, as many as are asked for: no limit, no proxy, no redirect, no retry.

    Of a fleet, to the one at ``url``.
    """

    def __init__(self, plan: LoadPlan, key: str | None, clock: Clock, url: str | None = None) -> None:
        # A GPU machine without httptools measures in process; the first request does not wait for this either.
        from pytest_rawrxd.measure.load.connection import Connection  # noqa: PLC0415

        self.url = url or plan.target.url
        self._plan, self._clock = plan, clock
        self._protocol = Connection
        to = urlsplit(self.url)
        self._host, self._port = to.hostname or "", to.port or DEFAULT_PORTS[to.scheme]
        self._tls = ssl.create_default_context(cafile=plan.target.ca_file) if to.scheme == "https" else None
        self._head = _head(to.netloc, to.path, key, reuse=plan.reuse_connections)
        self._address: str | None = None  #: that answered; asking for a name at each request would be in its latency
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()

    async def exchange(self, body: bytes, kept: Exchange, deadline_ns: int) -> None:
        """Send ``body`` and keep what comes back in ``kept``, until ``deadline_ns`` at the latest.

        Whatever the server or the network does is written down, never raised.
        """
        kept.sent_ns = self._clock()
        try:
            async with asyncio.timeout(max(0.0, (deadline_ns - kept.sent_ns) / 1e9)):
                if connection := await self._connection(kept):
                    await self._ask(connection, body, kept)
        except TimeoutError:
            if not kept.ended_ns:  # an answer that was whole in time stays whole, however late this task is woken
                kept.broken, kept.detail = Failure.DEADLINE, "the deadline passed"
        kept.ended_ns = kept.ended_ns or self._clock()

    async def aclose(self) -> None:
        """Give every socket back."""
        for connection in self._open:
            connection.close()
        self._open.clear()
        await asyncio.sleep(0)  # the event loop tells a transport that it was closed in its next turn

    async def _ask(self, connection: Connection, body: bytes, kept: Exchange) -> None:
        plan, length = self._plan, b"Content-Length: %d\r\n\r\n" % len(body)
        request = self._head + length + body
        try:
            await connection.ask(request, kept, limit=plan.response_limit, silence_s=plan.silence_s)
        finally:
            if connection.usable and plan.reuse_connections:
                self._idle.append(connection)
            else:
                connection.close()
                self._open.discard(connection)

    async def _connection(self, kept: Exchange) -> Connection | None:
        while self._idle:
            if (idle := self._idle.pop()).usable:
                return idle
            self._open.discard(idle)
        try:
            async with asyncio.timeout(self._plan.connect_s):
                return await self._connect()
        except ssl.SSLError as problem:
            kept.broken, kept.detail = Failure.TLS, str(problem)
        except (OSError, UnicodeError) as problem:
            self._address = None
            found = str(problem) or f"no answer within {self._plan.connect_s:g} s"
            kept.broken, kept.detail = Failure.UNREACHABLE, f"{self._host}:{self._port}: {found}"
        return None

    async def _connect(self) -> Connection:
        transport, connection = await asyncio.get_running_loop().create_connection(
            lambda: self._protocol(self._clock, self._plan.target.server_header),
            self._address or self._host,
            self._port,
            ssl=self._tls,
            server_hostname=self._host if self._tls else None,
            happy_eyeballs_delay=NEXT_ADDRESS_S,
        )
        self._open.add(connection)
        peer = transport.get_extra_info("peername")  # None: it is gone again
        if peer and not any(peer[2:]):  # an address of one link does not stand alone
            self._address = peer[0]
        return connection


def _head(netloc: str, path: str, key: str | None, *, reuse: bool) -> bytes:
    """Request line and headers, all but the length."""
    lines = [
        f"POST {quote(path, safe=PATH_LETTERS)} HTTP/1.1",
        f"Host: {netloc.encode('idna').decode()}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "User-Agent: pytest-rawrxd",
        "Content-Type: application/json",
    ]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    if not reuse:
        lines.append("Connection: close")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")
