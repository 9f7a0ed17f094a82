"""A pool connects, asks and gives sockets back; whatever goes wrong on the way has a name."""

import asyncio
import contextlib
import socket
import ssl
import time

import pytest

from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.pool import Pool, _head
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.target import HttpTarget

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
NOW = time.perf_counter_ns
NOBODY = HttpTarget("openai", "http://127.0.0.1:9/v1")


def plan(target, **more):
    return LoadPlan(target, ClosedLoop(1), ("x",), 1, 1, **more)


class Server:
    """Answers every request of a connection; ``hang`` keeps quiet, ``leave`` closes without having said so."""

    def __init__(self, *, hang=False, leave=False):
        self.hang, self.leave, self.requests, self.closed = hang, leave, [], asyncio.Event()
        self.tasks = []

    async def serve(self, reader, writer):
        connection = []
        self.tasks.append(asyncio.current_task())
        self.requests.append(connection)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                connection.append(head + await reader.readexactly(4))
                if self.hang:
                    await reader.read()
                    break
                writer.write(WHOLE)
                if self.leave:
                    break
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        self.closed.set()


async def ask(pool, *, within_s=30.0):
    kept = Exchange(0, 0)
    await pool.exchange(b"body", kept, NOW() + round(within_s * 1e9))
    return kept


@contextlib.asynccontextmanager
async def pool_at(server, host="127.0.0.1", **more):
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    target = HttpTarget("openai", f"http://{host}:{listener.sockets[0].getsockname()[1]}/v1")
    async with listener:
        async with contextlib.aclosing(Pool(plan(target, **more), None, NOW)) as pool:
            yield pool, listener
        await asyncio.gather(*server.tasks)


@pytest.mark.parametrize(("reuse", "connections"), [(False, [1, 1]), (True, [2])])
def test_connections_are_used_again_only_where_the_plan_says_so(reuse, connections):
    async def scene():
        server = Server()
        async with pool_at(server, reuse_connections=reuse) as (pool, _):
            kept = [await ask(pool), await ask(pool)]
        return kept, server.requests

    kept, requests = asyncio.run(scene())

    assert [exchange.chunks for exchange in kept] == [[b"ok"], [b"ok"]]
    assert list(map(len, requests)) == connections
    assert (b"Connection: close\r\n" in requests[0][0]) != reuse


def test_an_idle_connection_that_the_server_closed_is_not_asked_again():
    async def scene():
        server = Server(leave=True)
        async with pool_at(server, reuse_connections=True) as (pool, _):
            first = await ask(pool)
            await server.closed.wait()
            while pool._idle[0].usable:
                await asyncio.sleep(0)
            return first, await ask(pool)

    first, second = asyncio.run(scene())

    assert (first.broken, second.broken) == (Failure.NONE, Failure.NONE)


def test_leaving_a_request_closes_its_socket_at_once():
    async def scene():
        server = Server(hang=True)
        async with pool_at(server) as (pool, _):
            kept = await ask(pool, within_s=0.05)
            await asyncio.wait_for(server.closed.wait(), 30)
        return kept

    kept = asyncio.run(scene())

    assert (kept.broken, kept.detail) == (Failure.DEADLINE, "the deadline passed")
    assert kept.ended_ns - kept.sent_ns >= 50_000_000


def test_an_answer_that_was_whole_in_time_stays_whole_when_its_task_is_woken_late():
    async def scene():
        server = Server()
        async with pool_at(server) as (pool, _):
            kept = Exchange(0, 0)

            async def ends_in_time(connection, body, kept):
                kept.ended_ns = NOW()
                await asyncio.sleep(60)

            pool._ask = ends_in_time
            await pool.exchange(b"body", kept, NOW() + 50_000_000)
        return kept.broken

    assert asyncio.run(scene()) is Failure.NONE


@pytest.mark.parametrize(
    ("problem", "failure", "words"),
    [
        (ssl.SSLError(1, "bad record"), Failure.TLS, "bad record"),
        (ssl.SSLCertVerificationError(1, "self-signed"), Failure.TLS, "self-signed"),
        (ConnectionRefusedError(111, "Connection refused"), Failure.UNREACHABLE, "127.0.0.1:9: [Errno 111]"),
        (ConnectionResetError(104, "reset in the handshake"), Failure.UNREACHABLE, "reset in the handshake"),
        (socket.gaierror(-2, "Name or service not known"), Failure.UNREACHABLE, "not known"),
        (TimeoutError(110, "Connection timed out"), Failure.UNREACHABLE, "timed out"),
        (UnicodeError("label too long"), Failure.UNREACHABLE, "label too long"),
        (None, Failure.UNREACHABLE, "no answer within 0.01 s"),
    ],
)
def test_every_way_of_not_connecting_has_a_name(monkeypatch, problem, failure, words):
    async def connect(*_, **__):
        if problem is not None:
            raise problem
        await asyncio.sleep(60)

    async def scene():
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
        async with contextlib.aclosing(Pool(plan(NOBODY, connect_s=0.01), None, NOW)) as pool:
            return await ask(pool)

    kept = asyncio.run(scene())

    assert kept.broken is failure
    assert words in kept.detail
    assert kept.status is None
    assert kept.ended_ns >= kept.sent_ns


def test_a_name_is_looked_up_once_and_again_after_a_failure():
    async def scene():
        server = Server()
        async with pool_at(server, "localhost") as (pool, listener):
            first = await ask(pool)
            address = pool._address
            listener.close()
            second = await ask(pool)
            return first.broken, address, second.broken, pool._address, server.requests

    first, address, second, after, requests = asyncio.run(scene())

    assert (first, address) == (Failure.NONE, "127.0.0.1")
    assert (second, after) == (Failure.UNREACHABLE, None)
    assert b"Host: localhost:" in requests[0][0]


def test_the_head_of_a_request_is_what_a_server_expects():
    head = _head("[::1]:8080", "/v1/zoë completions", "sk-1", reuse=False)

    assert head == (
        b"POST /v1/zo%C3%AB%20completions HTTP/1.1\r\nHost: [::1]:8080\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
        b"User-Agent: pytest-rawrxd\r\nContent-Type: application/json\r\nAuthorization: Bearer sk-1\r\n"
        b"Connection: close\r\n"
    )
    assert b"Host: xn--mnchen-3ya.example\r\n" in _head("münchen.example", "/", None, reuse=True)
    assert b"Authorization" not in _head("x", "/", None, reuse=True)
