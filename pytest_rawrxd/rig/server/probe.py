"""One small question to a server: no proxy, no redirect, a deadline, a bounded answer."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

ANSWER_LIMIT = 1 << 20


def get(url: str, *, timeout_s: float, query: str = "") -> tuple[int, bytes] | None:
    """Status and body of ``url?query``; None where nothing answers within ``timeout_s`` per step of the exchange."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{query}" if query else ""), headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(ANSWER_LIMIT)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
