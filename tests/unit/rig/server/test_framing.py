import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_rawrxd.rig.server.framing import (
    EVENT_LIMIT,
    EventError,
    error_text,
    excerpt,
    json_lines,
    nanoseconds,
    natural,
    parse_object,
    server_sent_events,
    token_ids,
    whole_body,
)


def data_of(body):
    return [event.data for event in server_sent_events(body)]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_all_three_line_ends_separate_events(ending):
    body = ending.join([b"data: one", b"", b"data:two", b"data: three", b"", b""])

    assert data_of(body) == [b"one", b"two\nthree"]


def test_comments_names_ids_and_a_byte_order_mark_are_no_data():
    body = b"\xef\xbb\xbf: keep-alive\n\nevent: token\nid: 7\nretry: 10\ndata: x\n\nunknown\n\n"

    assert data_of(body) == [b"x"]


def test_an_event_without_its_empty_line_is_no_event():
    assert data_of(b"data: one\n\ndata: [DONE]\n") == [b"one"]


def test_an_event_ends_with_the_byte_that_completes_it():
    body = b"data: one\r\n\r\ndata: two\n\n"

    assert [event.end for event in server_sent_events(body)] == [13, len(body)]


@pytest.mark.parametrize(("size", "refused"), [(EVENT_LIMIT, False), (EVENT_LIMIT + 1, True)])
def test_the_size_of_an_event_has_a_limit(size, refused):
    body = b"data:" + b"x" * size + b"\n\n"

    if refused:
        with pytest.raises(EventError, match="more than"):
            data_of(body)
    else:
        assert len(data_of(body)[0]) == size


def test_a_long_body_without_a_line_end_costs_one_look_at_each_byte():
    began = time.process_time()
    assert data_of(b"x" * 20_000_000) == []
    assert time.process_time() - began < 5, "a second look at each byte would take hours"


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))))
def test_whatever_is_sent_as_events_comes_back(texts):
    body = "".join(f"data: {text}\n\n" for text in texts).encode()

    assert data_of(body) == [text.encode() for text in texts]


def test_json_lines_are_split_at_line_ends_and_the_last_needs_one():
    assert [event.data for event in json_lines(b'{"a": 1}\r\n\n{"b": 2}\n{"c"')] == [b'{"a": 1}', b'{"b": 2}']
    with pytest.raises(EventError):
        list(json_lines(b"x" * (EVENT_LIMIT + 1) + b"\n"))


def test_an_empty_body_holds_no_event():
    assert list(whole_body(b"")) == list(json_lines(b"")) == list(server_sent_events(b"")) == []
    assert [event.end for event in whole_body(b"abc")] == [3]


@pytest.mark.parametrize(
    "data", [b"", b"[1]", b"7", b"{", b'{"a": NaN}', b"\xff\xfe{", "{}".encode("utf-16"), b"[" * 200_000]
)
def test_what_is_no_json_object_is_refused(data):
    with pytest.raises(EventError):
        parse_object(data)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"error": {"message": "out of memory", "code": 500}}, "out of memory"),
        ({"error": "model not found"}, "model not found"),
        ({"error": {"code": 7}}, '{"code": 7}'),
        ({"object": "error", "message": "no such model", "code": 404}, "no such model"),
        ({"error": None, "choices": []}, None),
        ({"choices": []}, None),
    ],
)
def test_an_error_is_found_in_every_usual_form(event, message):
    assert error_text(event) == message


@pytest.mark.parametrize(("value", "result"), [(0, 0), (7, 7), (-1, None), (True, None), (1.0, None), ("1", None)])
def test_only_a_whole_number_from_zero_is_a_count(value, result):
    assert natural(value) == result
    assert natural(1 << 31) is None


def test_token_ids_are_whole_numbers_that_fit():
    assert token_ids([1, 2]) == (1, 2)
    assert token_ids(None) is None
    for wrong in ([1.5], ["a"], [-1], [1 << 31], [True]):
        with pytest.raises(EventError):
            token_ids(wrong)


@pytest.mark.parametrize(
    ("value", "unit", "result"),
    [(1.5, 1e6, 1_500_000), (7, 1.0, 7), (-1, 1.0, None), (True, 1.0, None), ("1", 1.0, None), (1e300, 1e6, None)],
)
def test_a_duration_is_a_number_of_at_most_an_hour(value, unit, result):
    assert nanoseconds(value, unit) == result


def test_an_excerpt_is_one_printable_line():
    assert excerpt(b"a\nb\x00\xff" + json.dumps("é").encode()) == 'a b �"\\u00e9"'
    assert excerpt(b"x" * 500) == "x" * 160 + "…"
