"""``rawrxd probe`` as a process of its own: it outlives a target that is not there, and ends when it is told to."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pytest_rawrxd.measure.probe import names
from pytest_rawrxd.rig.server.managed import free_port

DEADLINE_S = 60
#: A shell that runs the tests in its background has interrupts ignored, and so would every child.
HEEDING = """import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("pytest_rawrxd", run_name="__main__")"""


class RawrXD(BaseHTTPRequestHandler):
    """The health and the one reply of RawrXD's own server, constructed from its published form."""

    def do_GET(self):
        self.say({"status": "ok", "uptime_seconds": 60, "tokens_generated": 1234, "failed_requests": 5})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.say({"response": "a b c", "done": True, "eval_count": 3})

    def say(self, body):
        text = json.dumps(body).encode()
        with contextlib.suppress(ConnectionError):  # the probe was interrupted in the middle of a request
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def target():
    """A port, and what makes a server appear on it."""
    port, servers = free_port(), []

    def appear():
        server = ThreadingHTTPServer(("127.0.0.1", port), RawrXD)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)

    yield port, appear
    for server in servers:
        server.shutdown()
        server.server_close()


def scraped(address):
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - the probe on loopback
        lines = answer.read().decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def when(address, reached):
    """What is exported once ``reached`` says so, or after the deadline."""
    ends = time.monotonic() + DEADLINE_S
    while not reached(found := scraped(address)) and time.monotonic() < ends:
        time.sleep(0.05)
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="an interrupt reaches one process by its console group only")
def test_the_probe_waits_for_a_target_that_is_not_there_and_ends_when_interrupted(target):
    port, appear = target
    where = ("--target", f"http://127.0.0.1:{port}", "--listen", "127.0.0.1:0")
    probe = subprocess.Popen(
        [sys.executable, "-c", HEEDING, "probe", "embedded", *where], stdout=subprocess.PIPE, text=True
    )
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+/metrics", probe.stdout.readline())[0]
        absent = scraped(address)
        appear()
        there = when(address, lambda found: found[names.UP] == "1.0" and float(found[names.REQUESTS]) >= 1)
        probe.send_signal(signal.SIGINT)
        rest, _ = probe.communicate(timeout=DEADLINE_S)
    finally:
        probe.kill()
        probe.communicate()

    assert absent[names.UP] == "0.0"
    assert names.START not in absent, "what nobody knows is not exported"
    assert there[names.UP] == "1.0"
    assert float(there[names.TARGET_TOKENS]) == 1234
    assert float(there[names.TARGET_FAILURES]) == 5
    assert float(there[names.REQUESTS]) >= 1
    assert (probe.returncode, rest) == (2, "")
