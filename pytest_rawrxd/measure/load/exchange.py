"""One request on the wire: every received chunk gets its instant before anything else happens to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.framing import printable
from pytest_rawrxd.rig.server.response import Response

Clock = Callable[[], int]
NAMED = 200  #: characters of a server's name


@dataclass(slots=True)
class Exchange:
    """What is written down while a request runs; ``response`` is made of it after the run."""

    number: int  #: of the request in the plan
    intended_ns: int
    sent_ns: int = 0
    ended_ns: int = 0
    status: int | None = None
    content_type: str = ""
    retry_after: str = ""
    location: str = ""
    chunks: list[bytes] = field(default_factory=list)
    stamps_ns: list[int] = field(default_factory=list)
    broken: Failure = Failure.NONE
    detail: str = ""
    server: str = ""  #: of a fleet: who was asked, or who says that it answered

    def response(self) -> Response:
        """The exchange as a dialect reads it."""
        return Response(
            status=self.status,
            content_type=self.content_type,
            chunks=self.chunks,
            stamps_ns=self.stamps_ns,
            broken=self.broken,
            detail=self.detail,
            retry_after=self.retry_after,
            location=self.location,
        )


async def exchange(
    session: aiohttp.ClientSession,
    url: str,
    body: bytes,
    kept: Exchange,
    *,
    deadline_ns: int,
    response_limit: int,
    clock: Clock,
    server_header: str | None = None,
) -> None:
    """Send ``body`` and keep what comes back in ``kept``, until ``deadline_ns`` at the latest.

    Whatever the server or the network does is written down, never raised.
    """
    kept.sent_ns = clock()
    try:
        async with asyncio.timeout(max(0.0, (deadline_ns - kept.sent_ns) / 1e9)):
            async with session.post(url, data=body, allow_redirects=False) as response:
                kept.status = response.status
                headers = response.headers
                kept.content_type = headers.get("Content-Type", "")
                kept.retry_after = headers.get("Retry-After", "")
                kept.location = headers.get("Location", "")
                if server_header is not None:
                    kept.server = printable(headers.get(server_header, ""), NAMED)
                await _receive(response, kept, response_limit, clock)
    except (aiohttp.ClientError, TimeoutError, OSError) as problem:
        kept.broken, kept.detail = name_failure(problem)
    kept.ended_ns = clock()


async def _receive(response: aiohttp.ClientResponse, kept: Exchange, limit: int, clock: Clock) -> None:
    chunks, stamps, size = kept.chunks, kept.stamps_ns, 0
    async for chunk in response.content.iter_any():
        stamps.append(clock())
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            kept.broken, kept.detail = Failure.TOO_LARGE, f"more than {limit} bytes"
            response.close()
            return


def name_failure(problem: BaseException) -> tuple[Failure, str]:
    """Which failure an exception of the transport is, with what the system said about it."""
    failure = next((failure for kinds, failure in _NAMES if isinstance(problem, kinds)), Failure.BROKEN_HTTP)
    detail = "the deadline passed" if failure is Failure.DEADLINE else str(problem)
    return failure, detail or type(problem).__name__


#: First match decides: aiohttp's kinds derive from each other.
_NAMES: tuple[tuple[tuple[type[BaseException], ...], Failure], ...] = (
    ((aiohttp.ClientSSLError, ssl.SSLError), Failure.TLS),
    ((aiohttp.SocketTimeoutError,), Failure.STALLED),
    ((aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError), Failure.UNREACHABLE),
    ((TimeoutError,), Failure.DEADLINE),
    ((aiohttp.ClientResponseError,), Failure.BROKEN_HTTP),
    ((aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError), Failure.DISCONNECTED),
)
