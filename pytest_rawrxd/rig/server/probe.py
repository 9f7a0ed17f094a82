"""One small question to a server: no proxy, no redirect, a deadline, a bounded answer."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

ANSWER_LIMIT = 1 << 20


def get(url: str, *, timeout_s: float, query: str = "", ca_file: str | None = None) -> tuple[int, bytes] | None:
    """Status and body of ``url?query``; None where nothing answers within ``timeout_s`` per step of the exchange.

    A certificate that neither the system nor ``ca_file`` vouches for is no answer.
    """
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        trusted = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout_s, context=trusted)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{query}" if query else ""), headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(ANSWER_LIMIT)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
