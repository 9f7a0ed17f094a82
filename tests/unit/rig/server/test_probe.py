"""One question to a server: whatever it sends, and however slowly, the answer is bounded and there in time."""

from __future__ import annotations

import socketserver
import threading
import time

import pytest

from pytest_rawrxd.measure.canary.served import ServerChoir
from pytest_rawrxd.measure.canary.song import canaries
from pytest_rawrxd.rig.server.probe import ANSWER_LIMIT, exchange, get
from pytest_rawrxd.rig.server.target import HttpTarget

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
DRIP_S = 0.02
DEADLINE_S = 0.3
LATE_S = 20  #: far beyond the deadline, and far below what a byte now and then would take


class Handler(socketserver.BaseRequestHandler):
    """Sends what the server says at once, and then a byte now and then for as long as somebody listens."""

    def handle(self):
        self.request.recv(65536)
        try:
            self.request.sendall(self.server.said)
            while self.server.drips:
                self.request.sendall(b"x")
                time.sleep(DRIP_S)
        except OSError:
            return


@pytest.fixture
def server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as found:
        found.daemon_threads, found.said, found.drips = True, b"", False
        thread = threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield found
        found.drips = False
        found.shutdown()
        thread.join(10)


def url(server):
    return f"http://127.0.0.1:{server.server_address[1]}/health"


def test_an_answer_is_its_status_and_its_body(server):
    server.said = HEAD + b"Content-Length: 2\r\n\r\nok"

    assert get(url(server), timeout_s=5) == (200, b"ok")


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 200 ", HEAD + b"X-A: ", HEAD + b"\r\n", HEAD + b"Content-Length: 900000\r\n\r\n"],
    ids=["nothing", "the status", "a header", "a body without a length", "a body of a length"],
)
def test_a_server_that_sends_a_byte_now_and_then_is_no_answer_after_the_deadline(server, said):
    server.said, server.drips = said, True
    began = time.monotonic()

    assert exchange("GET", url(server), timeout_s=5, deadline_s=DEADLINE_S, limit=ANSWER_LIMIT, headers={}) is None
    assert time.monotonic() - began < LATE_S


def test_an_answer_without_an_end_is_cut_at_its_limit(server):
    server.said = HEAD + b"\r\n" + b"y" * 100_000

    status, body = exchange("GET", url(server), timeout_s=5, deadline_s=60, limit=1000, headers={})

    assert (status, len(body)) == (200, 1000)


def test_a_canary_whose_answer_drips_is_not_answered(server):
    server.said, server.drips = HEAD + b'\r\n{"content": "', True
    target = HttpTarget("llama-server", url(server).removesuffix("/health"))

    (sung,) = ServerChoir(target, DEADLINE_S).sing(canaries(1, seed=1), together=False)

    assert not sung.answered
