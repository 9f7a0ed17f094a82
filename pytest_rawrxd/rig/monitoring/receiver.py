"""Who is called: a web server on loopback that keeps every alert with the instant at which it arrived."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

BODY_LIMIT = 1 << 20


@dataclass(frozen=True)
class Call:
    """One alert of one notification. ``received_ns`` is of the receiver's clock, ``began_s`` Prometheus's Unix time."""

    received_ns: int
    name: str
    severity: str
    criterion: str
    firing: bool
    began_s: float


class Receiver:
    """The web server. Use as a context manager: leaving ends it."""

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self) -> None:
                now = clock()
                length = min(int(self.headers.get("Content-Length") or 0), BODY_LIMIT)
                receiver._take(self.rfile.read(length), now)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                """Say nothing: calls are kept."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every alert so far, in the order of arrival."""
        with self._lock:
            return tuple(self._calls)

    def _take(self, body: bytes, now: int) -> None:
        try:
            alerts = json.loads(body)["alerts"]
            found = [
                Call(
                    now,
                    alert["labels"]["alertname"],
                    alert["labels"].get("severity", ""),
                    alert["labels"].get("criterion", ""),
                    alert["status"] == "firing",
                    datetime.fromisoformat(alert["startsAt"]).timestamp(),
                )
                for alert in alerts
            ]
        except (ValueError, KeyError, TypeError):
            return  # no notification of Alertmanager's: nobody was called
        with self._lock:
            self._calls += found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
