"""The proxy between a client and a server of the test's own, both on the loopback address."""

import contextlib
import socket
import threading

import pytest

from pytest_rawrxd.rig.proxy import Behaviour, Proxy

ANSWER = b"x" * 3000


@contextlib.contextmanager
def server():
    """Answers every connection with ``ANSWER`` in two pieces and says how each ended."""
    listener = socket.create_server(("127.0.0.1", 0))
    ends = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(100)
                    connection.sendall(ANSWER[:1000])
                    connection.recv(100)  # the client asks for the rest
                    connection.sendall(ANSWER[1000:])
                    ends.append(connection.recv(100))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def talk(port):
    """What a client receives, and whether its connection was reset."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"ask")
        got += client.recv(4096)
        with contextlib.suppress(OSError):
            client.sendall(b"more")
        try:
            while len(got) < len(ANSWER) and (piece := client.recv(4096)):
                got += piece
        except ConnectionError:
            return got, True
    return got, False


def test_a_proxy_without_a_fault_changes_nothing():
    with server() as port, Proxy(port, Behaviour()) as proxy:
        assert talk(proxy.port) == (ANSWER, False)
        assert (proxy.seen.connections, proxy.seen.cuts) == (1, 0)


@pytest.mark.parametrize(("cut", "was_reset"), [("reset", True), ("truncate", False), ("half-open", False)])
def test_a_cut_comes_after_its_bytes_and_in_its_own_way(cut, was_reset):
    with server() as port, Proxy(port, Behaviour(cut, after=1000)) as proxy:
        got, reset = talk(proxy.port)

        assert got == ANSWER[:1000]
        assert reset is was_reset
        assert (proxy.seen.cuts, proxy.seen.answered_bytes) == (1, 1000)


def test_a_server_that_is_not_there_ends_the_clients_connection():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with Proxy(port, Behaviour()) as proxy, socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
        assert client.recv(10) == b""
