"""One small question to a server: no proxy, no redirect, a deadline, a bounded answer."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

ANSWER_LIMIT = 1 << 20
STEPS = 3  #: of an exchange, each of which may take its time: to connect, to begin and to end an answer


def get(url: str, *, timeout_s: float, query: str = "", ca_file: str | None = None) -> tuple[int, bytes] | None:
    """Status and body of ``url?query``; None where nothing answers within ``timeout_s`` per step of the exchange.

    A certificate that neither the system nor ``ca_file`` vouches for is no answer. An answer beyond ANSWER_LIMIT is
    cut there.
    """
    return exchange(
        "GET",
        f"{url}?{query}" if query else url,
        timeout_s=timeout_s,
        deadline_s=STEPS * timeout_s,
        limit=ANSWER_LIMIT,
        headers={"Connection": "close"},
        ca_file=ca_file,
    )


def exchange(
    method: str,
    url: str,
    *,
    timeout_s: float,
    deadline_s: float,
    limit: int,
    headers: Mapping[str, str],
    body: str | None = None,
    ca_file: str | None = None,
) -> tuple[int, bytes] | None:
    """Status and at most ``limit`` bytes of an answer; None where it is not whole ``deadline_s`` after the question.

    ``timeout_s`` is the longest silence. Without the deadline, a server that sends a byte now and then is never done.
    """
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        trusted = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout_s, context=trusted)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    late = threading.Event()
    watch: threading.Timer | None = None
    try:
        connection.connect()
        watch = threading.Timer(deadline_s, _cut, (connection.sock, late))
        watch.daemon = True
        watch.start()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        found = answer.status, answer.read(limit)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        if watch is not None:
            watch.cancel()
        connection.close()
    return None if late.is_set() else found


def _cut(connected: socket.socket, late: threading.Event) -> None:
    """End an exchange that takes too long: whoever reads finds the end of the connection."""
    late.set()
    with contextlib.suppress(OSError):  # it has ended meanwhile
        connected.shutdown(socket.SHUT_RDWR)
