"""A connection stamps before it reads, keeps what one read brought as one chunk, and names every other end."""

import asyncio

import pytest

from pytest_rawrxd.measure.load.connection import READ_BYTES, Connection
from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.rig.server.failure import Failure

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Wire(asyncio.Transport):
    """What the connection does to its socket."""

    def __init__(self):
        super().__init__()
        self.sent, self.aborted = b"", False

    def is_closing(self):
        return self.aborted

    def write(self, data):
        self.sent += data

    def abort(self):
        self.aborted = True


def talk(*reads, end=None, limit=1 << 20):
    """Ask once and receive ``reads``, each at its own instant; ``end`` is what closes the connection, if anything."""

    async def scene():
        ticks = iter(range(1000, 2000))
        connection, wire, kept = Connection(lambda: next(ticks)), Wire(), Exchange(0, 0)
        connection.connection_made(wire)
        asked = asyncio.create_task(connection.ask(b"POST", kept, limit=limit, silence_s=60))
        await asyncio.sleep(0)
        for read in reads:
            receive(connection, read)
        if end is not None:
            connection.connection_lost(end if isinstance(end, Exception) else None)
        await asyncio.wait_for(asked, 10)
        return kept, connection, wire

    return asyncio.run(scene())


def receive(connection, read):
    buffer = connection.get_buffer(-1)
    buffer[: len(read)] = read
    connection.buffer_updated(len(read))


def test_each_read_is_one_chunk_with_the_instant_at_which_it_came():
    kept, connection, wire = talk(CHUNKED, b"2\r\nab\r\n", b"2\r\ncd\r\n1\r\ne\r\n", b"0\r\n\r\n")

    assert wire.sent == b"POST"
    assert (kept.status, kept.content_type, kept.broken) == (200, "text/event-stream", Failure.NONE)
    assert kept.chunks == [b"ab", b"cde"]
    assert kept.stamps_ns == [1002, 1003]  # 1000 asked, 1001 the head
    assert kept.ended_ns > kept.stamps_ns[-1]
    assert connection.usable


def test_a_byte_at_a_time_says_the_same():
    whole = CHUNKED + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    kept, _, _ = talk(*(whole[place : place + 1] for place in range(len(whole))))

    assert b"".join(kept.chunks) == b"abc"
    assert len(kept.chunks) == len(kept.stamps_ns) == 3


@pytest.mark.parametrize("last", [b"Connection: close\r\n", b""])
def test_an_answer_of_known_length_ends_there_and_only_a_kept_connection_is_used_again(last):
    kept, connection, _ = talk(HEAD + last + b"Content-Length: 3\r\n\r\nabc")

    assert (kept.chunks, kept.broken) == ([b"abc"], Failure.NONE)
    assert connection.usable == (last == b"")


def test_an_answer_without_a_length_ends_with_its_connection():
    kept, connection, _ = talk(HEAD + b"\r\nabc", end=True)

    assert (kept.chunks, kept.broken) == ([b"abc"], Failure.NONE)
    assert not connection.usable


@pytest.mark.parametrize(
    ("reads", "end", "words"),
    [
        ((), True, "the server closed the connection"),
        ((HEAD,), True, "the server closed the connection"),
        ((CHUNKED, b"2\r\nab\r\n"), True, "the server closed the connection"),
        ((HEAD + b"Content-Length: 3\r\n\r\nab",), True, "the server closed the connection"),
        ((CHUNKED,), ConnectionResetError(104, "Connection reset by peer"), "reset by peer"),
        ((HEAD + b"\r\nabc",), ConnectionResetError(104, "Connection reset by peer"), "reset by peer"),
    ],
)
def test_an_answer_that_its_connection_cuts_short_is_disconnected(reads, end, words):
    kept, _, _ = talk(*reads, end=end)

    assert kept.broken is Failure.DISCONNECTED
    assert words in kept.detail


@pytest.mark.parametrize(
    "reads",
    [
        (b"\x00\x01 nothing of HTTP\r\n\r\n",),
        (CHUNKED, b"zz\r\n"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",),
    ],
)
def test_bytes_that_are_no_answer_are_broken_http(reads):
    kept, connection, _ = talk(*reads)

    assert kept.broken is Failure.BROKEN_HTTP
    assert kept.detail
    assert not connection.usable


@pytest.mark.parametrize(("over", "broken"), [(1, Failure.TOO_LARGE), (0, Failure.NONE), (-1, Failure.NONE)])
def test_an_answer_may_be_as_large_as_the_limit(over, broken):
    reads = (CHUNKED, b"2\r\nab\r\n", b"0\r\n\r\n")
    kept, _, _ = talk(*reads, limit=len(CHUNKED) + 7 - over)

    assert kept.broken is broken


def test_an_announcement_is_no_answer():
    kept, _, _ = talk(b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + b"Content-Length: 1\r\n\r\na")

    assert (kept.status, kept.chunks, kept.broken) == (200, [b"a"], Failure.NONE)


def test_a_trailer_changes_nothing_of_the_head():
    kept, _, _ = talk(CHUNKED, b"1\r\na\r\n0\r\nContent-Type: text/html\r\n\r\n")

    assert (kept.content_type, kept.broken) == ("text/event-stream", Failure.NONE)


def test_what_stands_behind_an_answer_spoils_the_connection_and_not_the_answer():
    kept, connection, _ = talk(HEAD + b"Content-Length: 1\r\n\r\na" + b"HTTP?")

    assert (kept.chunks, kept.broken) == ([b"a"], Failure.NONE)
    assert not connection.usable


def test_bytes_that_nobody_asked_for_close_the_connection():
    async def scene():
        connection, wire = Connection(lambda: 0), Wire()
        connection.connection_made(wire)
        receive(connection, b"HTTP/1.1 200 OK\r\n")
        return connection.usable, wire.aborted

    assert asyncio.run(scene()) == (False, True)


def test_a_connection_that_was_closed_before_it_is_asked_says_so_at_once():
    async def scene():
        connection, wire, kept = Connection(lambda: 0), Wire(), Exchange(0, 0)
        connection.connection_made(wire)
        wire.abort()
        connection.connection_lost(None)
        await asyncio.wait_for(connection.ask(b"POST", kept, limit=1, silence_s=60), 10)
        return kept.broken, wire.sent, connection.usable

    assert asyncio.run(scene()) == (Failure.DISCONNECTED, b"", False)


def test_two_connections_never_share_the_bytes_that_are_arriving():
    async def scene():
        return Connection(lambda: 0).get_buffer(-1), Connection(lambda: 0).get_buffer(-1)

    first, second = asyncio.run(scene())
    first[0] = 7

    assert second[0] == 0
    assert len(first) == READ_BYTES


def test_silence_is_counted_from_the_last_byte():
    async def scene():
        now = [0]
        connection, kept = Connection(lambda: now[0]), Exchange(0, 0)
        connection.connection_made(Wire())
        asked = asyncio.create_task(connection.ask(b"", kept, limit=1 << 20, silence_s=1e-3))
        await asyncio.sleep(0)
        now[0] = 999_999
        connection._listen()
        before = kept.broken
        receive(connection, CHUNKED)
        now[0] = 999_999 + 1_000_000
        connection._listen()
        await asked
        return before, kept.broken, kept.detail

    assert asyncio.run(scene()) == (Failure.NONE, Failure.STALLED, "nothing received for 0.001 s")
