"""Replies as the servers send them. llama-server's are run for real in the contract tests; the rest is constructed."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_rawrxd.rig.server.dialects import DIALECTS
from pytest_rawrxd.rig.server.failure import SENTENCES, Failure, failure_of_status
from pytest_rawrxd.rig.server.framing import EventError
from pytest_rawrxd.rig.server.rawrxd import tokens_generated
from pytest_rawrxd.rig.server.response import Ask, Finish, Response

ASK = Ask("Tell me", 3, "some-model")


def sse(*events, done=True):
    texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return "".join(f"data: {text}\n\n" for text in [*texts, *(["[DONE]"] if done else [])]).encode()


def respond(body, *, cuts=(), media="text/event-stream", **more):
    edges = [0, *sorted(cuts), len(body)]
    chunks = [body[start:end] for start, end in pairwise(edges) if end > start]
    stamps = [100 * (number + 1) for number in range(len(chunks))]
    return Response(status=200, content_type=media, chunks=chunks, stamps_ns=stamps, **more)


def read(dialect, body, **more):
    return DIALECTS[dialect].read(respond(body, **more), ASK)


def text_event(text, finish=None, **more):
    return {"object": "text_completion", "choices": [{"index": 0, "text": text, "finish_reason": finish, **more}]}


USAGE = {"completion_tokens": 3, "prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}}


def test_vllm_tells_token_ids_and_ends_with_the_last_text():
    body = sse(
        text_event("a", token_ids=[11]),
        text_event("", token_ids=[12]),  # a token that is no whole character yet
        text_event("b", "length", token_ids=[13]),
        {"choices": [], "usage": USAGE},
    )

    reply = read("openai", body)

    assert reply.failure is Failure.NONE
    assert reply.token_ids.tolist() == [11, 12, 13]
    assert (reply.reported_tokens, reply.prompt_tokens, reply.cached_tokens) == (3, 5, 2)
    assert reply.finish is Finish.LENGTH


def test_sglang_and_lm_studio_send_text_only_and_each_text_is_one_token():
    body = sse(text_event("a"), text_event("b"), text_event("c"), {**text_event("", "length"), "usage": USAGE})

    reply = read("openai", body)

    assert (reply.failure, int(reply.tokens.sum()), reply.token_ids) == (Failure.NONE, 3, None)


def test_a_chat_stream_counts_content_and_reasoning_and_not_the_role():
    def delta(finish=None, **fields):
        return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}

    body = sse(
        delta(role="assistant", content=None),
        delta(reasoning_content="hm"),
        delta(content="a"),
        delta(content="b"),
        delta("length"),
        {"choices": [], "usage": USAGE},
    )

    reply = read("openai-chat", body)

    assert (reply.failure, int(reply.tokens.sum())) == (Failure.NONE, 3)


def test_llama_cpp_pythons_server_that_cuts_a_running_stream_is_truncated():
    body = b": ping - 2026-11-23\r\n\r\n" + sse(text_event("a"), text_event("b"), done=False)

    reply = read("openai", body)

    assert reply.failure is Failure.TRUNCATED
    assert reply.detail == "2 of 3 tokens"


def test_llama_server_counts_tokens_that_it_holds_back_until_a_character_is_whole():
    def event(total, tokens, **more):
        return {"content": "a", "tokens": tokens, "tokens_predicted": total, "stop": False, **more}

    final = {"stop": True, "stop_type": "limit", "timings": {"cache_n": 0, "predicted_ms": 1.5}, "tokens_evaluated": 9}
    body = sse(event(1, [4]), event(3, [6]), event(3, [], **final), done=False)

    reply = read("llama-server", body, cuts=(body.index(b"\n\n") + 2,))

    assert reply.failure is Failure.NONE
    assert reply.tokens.tolist() == [1, 2]
    assert reply.token_ids.tolist() == [4, 6]
    assert (reply.engine_decode_ns, reply.cached_tokens, reply.prompt_tokens) == (1_500_000, 0, 9)


def test_ollama_ends_with_done_and_its_own_clock():
    lines = [{"response": text, "done": False} for text in "abc"]
    done = {"response": "", "done": True, "done_reason": "length", "eval_count": 3, "eval_duration": 7_000}
    body = "".join(json.dumps(line) + "\n" for line in [*lines, done]).encode()

    reply = read("ollama", body, media="application/x-ndjson")

    assert (reply.failure, reply.reported_tokens, reply.engine_decode_ns) == (Failure.NONE, 3, 7_000)


def test_ollama_that_ends_a_generation_by_itself_is_short():
    body = b'{"response":"a","done":false}\n{"response":"","done":true,"done_reason":"stop","eval_count":1}\n'

    reply = read("ollama", body, media="application/x-ndjson")

    assert (reply.failure, reply.finish) == (Failure.SHORT, Finish.STOP)


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        ({"response": "words", "done": True}, Failure.NONE),
        ({"response": "words"}, Failure.TRUNCATED),
        ({"response": "", "done": True}, Failure.ENGINE_ERROR),
        ({"response": "Error: No model loaded", "done": True}, Failure.ENGINE_ERROR),
        ({"error": "Missing prompt field"}, Failure.ENGINE_ERROR),
    ],
)
def test_rawrxd_replies_once_and_errors_hide_in_the_text(body, failure):
    reply = read("rawrxd", json.dumps(body).encode(), media="application/json")

    assert reply.failure is failure
    assert reply.stamps_ns.size == reply.tokens.size == 0
    assert reply.reported_tokens is None


def test_rawrxd_says_why_it_has_no_token_instants():
    reasons = DIALECTS["rawrxd"].not_measurable

    assert set(reasons) == {"ttft", "itl", "tokens"}
    assert all(not DIALECTS[name].not_measurable for name in DIALECTS if name != "rawrxd")


def test_rawrxd_gets_prompts_that_its_field_reader_does_not_cut():
    body = DIALECTS["rawrxd"].body(Ask('say "hi"\nC:\\x', 3))

    assert body["prompt"] == "say 'hi' C:/x"
    assert next(iter(body)) == "prompt"
    assert "\\" not in json.dumps(body)


def test_the_token_counter_of_rawrxds_health_page_is_read():
    assert tokens_generated(b'{"status":"ok","tokens_generated":5000000000}') == 5_000_000_000
    assert tokens_generated(b'{"status":"ok"}') is None


@pytest.mark.parametrize("name", ["openai", "openai-chat", "llama-server"])
def test_every_streaming_request_is_greedy_uncached_and_ignores_the_end_of_sequence(name):
    body = DIALECTS[name].body(ASK)

    assert body["stream"] is True
    assert body["temperature"] == 0
    assert body["ignore_eos"] is True
    assert body["cache_prompt"] is False
    assert 3 in (body.get("max_tokens"), body.get("n_predict"))
    assert "Tell me" in json.dumps(body)


@pytest.mark.parametrize(
    "event",
    [
        {"choices": {}},
        {"choices": [1]},
        {"choices": [{}, {}]},
        {"choices": [], "usage": 7},
        {"choices": [{"delta": "a"}]},
        {"choices": [{"token_ids": ["x"]}]},
        {"choices": [{"text": "a"}], "timings": []},
    ],
)
def test_an_event_of_another_shape_is_malformed_and_not_an_exception(event):
    assert read("openai", sse(event)).failure is Failure.MALFORMED


def test_events_after_the_end_marker_are_malformed():
    body = sse(text_event("a", "length")) + sse(text_event("b"), done=False)

    assert read("openai", body).failure is Failure.MALFORMED


def test_a_count_that_goes_back_is_malformed():
    body = sse(*({"content": "a", "tokens_predicted": count} for count in (2, 1)), done=False)

    assert "goes back" in read("llama-server", body).detail


GOOD = sse(text_event("é"), text_event("€"), text_event("😀", "length"), {"choices": [], "usage": USAGE})


@given(st.sets(st.integers(1, len(GOOD) - 1)))
def test_wherever_the_body_is_cut_into_chunks_the_reply_says_the_same(cuts):
    reply = read("openai", GOOD, cuts=cuts)

    assert reply.failure is Failure.NONE
    assert reply.tokens.sum() == 3
    assert (reply.stamps_ns[1:] > reply.stamps_ns[:-1]).all()


@given(st.binary(max_size=400), st.sampled_from(sorted(DIALECTS)))
def test_no_bytes_of_a_server_raise(body, name):
    for media in ("text/event-stream", "application/x-ndjson", "application/json", ""):
        reply = read(name, body, media=media)
        assert reply.failure is not Failure.NONE


def test_a_late_transport_decides_unless_the_end_marker_came():
    whole, part = sse(text_event("a", "length"), {"choices": [], "usage": USAGE}), sse(text_event("a"), done=False)
    late = {"broken": Failure.STALLED, "detail": "no bytes"}

    assert read("openai", whole, **late).failure is Failure.NOT_CLOSED
    assert read("openai", part, **late).failure is Failure.STALLED


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (200, Failure.NONE),
        (204, Failure.SERVER_ERROR),
        (301, Failure.REDIRECTED),
        (400, Failure.REFUSED),
        (401, Failure.UNAUTHORIZED),
        (403, Failure.UNAUTHORIZED),
        (404, Failure.NOT_FOUND),
        (405, Failure.NOT_FOUND),
        (429, Failure.OVERLOADED),
        (500, Failure.SERVER_ERROR),
        (503, Failure.OVERLOADED),
    ],
)
def test_only_status_200_is_a_success(status, failure):
    assert failure_of_status(status) is failure


def test_every_failure_has_its_own_sentence():
    assert set(SENTENCES) == set(Failure)
    assert len(set(SENTENCES.values())) == len(Failure)
    assert all(failure.sentence for failure in Failure)


def test_a_health_page_that_is_no_json_is_refused():
    with pytest.raises(EventError):
        tokens_generated(b"<html>")
