"""What an exchange with a broken or breaking service says of it."""

import socket
import threading

import pytest

from pytest_rawrxd.rig.faults.wire import Spoken, at_once, request_bytes, speak

ERROR = b'{"error":{"code":400,"message":"too long","type":"exceed_context_size_error"}}'


def spoken(status=200, end="answered", body=b"", expects="answer"):
    return Spoken("a request", status, end, body, 0.1, 1.0, expects)


@pytest.mark.parametrize(
    ("found", "good", "hung"),
    [
        (spoken(), True, False),
        (spoken(500, body=ERROR), False, False),
        (spoken(200, "deadline"), False, True),
        (spoken(400, body=ERROR, expects="error"), True, False),
        (spoken(400, body=b"Bad Request", expects="error"), False, False),
        (spoken(200, body=ERROR, expects="error"), False, False),
        (spoken(None, "closed", expects="error"), False, False),
        (spoken(None, "closed", expects="end"), True, False),
        (spoken(400, expects="end"), True, False),
        (spoken(200, expects="end"), False, False),
        (spoken(None, "deadline", expects="end"), False, True),
        (spoken(200, "deadline", expects="give up"), True, False),
        (spoken(200, expects="give up"), False, False),
        (spoken(500, body=ERROR, expects="any"), True, False),
        (spoken(None, "reset", expects="any"), False, False),
        (spoken(200, "deadline", expects="any"), False, True),
    ],
)
def test_an_exchange_is_good_when_it_ended_as_it_should_and_hung_when_it_did_not_end(found, good, hung):
    assert (found.good, found.hung) == (good, hung)


def test_an_error_inside_a_stream_that_had_begun_is_found():
    body = b'40\r\ndata: {"content":"a"}\n\n\r\n60\r\ndata: {"error":{"message":"context","type":"server_error"}}\n\n'

    assert spoken(body=body).error == {"message": "context", "type": "server_error"}
    assert spoken(body=b'data: {"error":').error is None


def test_a_record_of_an_exchange_holds_its_error_in_words():
    kept = spoken(400, body=ERROR, expects="error").to_dict()

    assert (kept["status"], kept["type"], kept["message"], kept["clear"]) == (
        400,
        "exceed_context_size_error",
        "too long",
        True,
    )


@pytest.mark.parametrize(
    ("answer", "status", "end"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" + ERROR, 400, "answered"),
        (b"", None, "closed"),
    ],
)
def test_what_a_server_sends_until_it_ends_the_connection_is_kept(answer, status, end):
    listener = socket.create_server(("127.0.0.1", 0))
    received = []

    def serve():
        connection, _ = listener.accept()
        with connection:
            received.append(connection.recv(4096))
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    payload = request_bytes("/completion", b"{}")
    (found,) = at_once([lambda: speak("x", listener.getsockname()[1], payload, deadline_s=10)])
    thread.join()
    listener.close()

    assert (found.status, found.end) == (status, end)
    assert received[0].startswith(b"POST /completion HTTP/1.1\r\n")
    assert received[0].endswith(b"Content-Length: 2\r\n\r\n{}")


def test_a_port_that_nobody_listens_on_is_said():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    assert speak("x", port, b"x", deadline_s=5).end == "refused"


def test_a_server_that_says_nothing_is_left_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = speak("x", listener.getsockname()[1], b"x", deadline_s=0.05, expects="give up")

    assert (found.end, found.good) == ("deadline", True)
