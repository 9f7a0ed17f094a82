"""Every way in which a server can misbehave is counted, named, and over at its deadline; the run goes on."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pytest_rawrxd.measure.load.arrays import pack
from pytest_rawrxd.measure.load.drive import Driven, drive
from pytest_rawrxd.measure.load.latency import coalesced, end_to_end_ms, token_counts
from pytest_rawrxd.measure.load.plan import LoadPlan, Share
from pytest_rawrxd.measure.load.run import run_load
from pytest_rawrxd.measure.load.schedule import ClosedLoop, constant
from pytest_rawrxd.rig.server.dialects import DIALECTS
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.probe import get
from pytest_rawrxd.rig.server.target import HttpTarget

FAKES = Path(__file__).parents[1] / "fakes"
TOKENS = 4
#: Short only where the clock is to end the request; a busy machine may take long for everything else.
LATE = {
    Failure.DEADLINE: {"deadline_s": 0.6},
    Failure.STALLED: {"silence_s": 0.6},
    Failure.NOT_CLOSED: {"silence_s": 0.6},
}


@pytest.fixture(scope="module")
def ports():
    command = [sys.executable, str(FAKES / "http_server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        yield json.loads(child.stdout.readline())


@pytest.fixture
def play(ports):
    """Ask one script, in this process; returns what was kept and what it says."""

    def play(script, *, dialect="openai", key=None, base=None, **limits):
        prefix = "" if dialect in ("ollama", "rawrxd") else "/v1"
        url = base or f"http://127.0.0.1:{ports['port']}/{script}{prefix}"
        plan = LoadPlan(
            **{
                "target": HttpTarget(dialect, url),
                "pace": ClosedLoop(1),
                "prompts": ("Tell me more",),
                "requests": 1,
                "max_tokens": TOKENS,
                "deadline_s": 30,
                "silence_s": 20,
                **limits,
            }
        )
        done = Driven()
        now = time.perf_counter_ns
        asyncio.run(drive(plan, Share(), start_ns=now(), key=key, clock=now, done=done))
        (kept,) = done.exchanges
        return kept, DIALECTS[dialect].read(kept.response(), plan.ask(0))

    return play


@pytest.mark.parametrize(
    ("script", "failure", "words"),
    [
        ("good", Failure.NONE, ""),
        ("nowhere", Failure.NOT_FOUND, "File Not Found"),
        ("unauthorized", Failure.UNAUTHORIZED, "invalid API key"),
        ("busy", Failure.OVERLOADED, "retry after 7"),
        ("loading", Failure.OVERLOADED, "Loading model"),
        ("broken", Failure.SERVER_ERROR, "boom"),
        ("refused", Failure.REFUSED, "unknown field ignore_eos"),
        ("redirect", Failure.REDIRECTED, "elsewhere.invalid"),
        ("html", Failure.NOT_A_STREAM, "text/html instead of text/event-stream: <html>"),
        ("no_model", Failure.ENGINE_ERROR, "no model loaded"),
        ("error_in_stream", Failure.ENGINE_ERROR, "Compute error."),
        ("invalid_json", Failure.MALFORMED, '{"choices": [{"text": '),
        ("not_a_number", Failure.MALFORMED, "NaN is no JSON number"),
        ("bad_utf8", Failure.MALFORMED, "utf-8"),
        ("endless", Failure.DEADLINE, "the deadline passed after"),
        ("loris", Failure.DEADLINE, "the deadline passed"),
        ("silent", Failure.STALLED, ""),
        ("stall", Failure.STALLED, "after 2 of 4 tokens"),
        ("held_open", Failure.NOT_CLOSED, "after 4 of 4 tokens"),
        ("early_end", Failure.TRUNCATED, "2 of 4 tokens"),
        ("cut", Failure.DISCONNECTED, "after 2 of 4 tokens"),
        ("reset", Failure.DISCONNECTED, "after 2 of 4 tokens"),
        ("vanish", Failure.DISCONNECTED, ""),
        ("garbage", Failure.BROKEN_HTTP, ""),
        ("short", Failure.SHORT, "2 of 4 tokens, finish reason stop"),
        ("long", Failure.LONG, "5 of 4 tokens, finish reason length"),
        ("no_reason", Failure.NO_FINISH_REASON, "4 of 4 tokens"),
        ("lying_count", Failure.COUNTS_DIFFER, "4 reported, 5 sent"),
        ("huge", Failure.MALFORMED, "more than 1048576 bytes"),
    ],
)
def test_a_misbehaving_server_is_named_and_over_at_its_deadline(play, script, failure, words):
    kept, reply = play(script, **LATE.get(failure, {}))

    assert reply.failure is failure, (reply.failure, reply.detail)
    assert words in reply.detail
    assert (kept.ended_ns - kept.intended_ns) / 1e9 < (5 if failure in LATE else 30)


def test_a_response_over_the_size_limit_is_not_kept_further(play):
    kept, reply = play("huge", response_limit=200_000)

    assert reply.failure is Failure.TOO_LARGE
    assert sum(map(len, kept.chunks)) < 3_000_000


def test_a_server_that_is_not_there_is_unreachable(play):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening
        kept, reply = play("", base=f"http://127.0.0.1:{held.getsockname()[1]}/v1")

    assert reply.failure is Failure.UNREACHABLE
    assert kept.status is None


def test_a_certificate_that_nobody_vouches_for_is_refused(play, ports):
    _, reply = play("", base=f"https://localhost:{ports['tls_port']}/good/v1")

    assert reply.failure is Failure.TLS
    assert "self-signed" in reply.detail


def test_a_certificate_of_the_target_is_trusted(play, ports):
    base = f"https://localhost:{ports['tls_port']}/good/v1"
    _, reply = play("", target=HttpTarget("openai", base, ca_file=str(FAKES / "localhost.pem")))

    assert reply.failure is Failure.NONE


def test_two_tokens_in_a_chunk_share_an_instant_and_are_counted_as_two(play):
    kept, reply = play("pairs")

    assert reply.failure is Failure.NONE
    assert reply.tokens.tolist() == [2, 2]
    assert coalesced(pack([(kept, reply)], keep_bytes=False)) == 2


def test_characters_and_line_ends_may_be_cut_anywhere(play):
    kept, reply = play("split_utf8")

    assert reply.failure is Failure.NONE
    assert reply.tokens.tolist() == [1] * TOKENS
    assert len(kept.chunks) > TOKENS


def test_ollama_lines_are_measured_like_events(play):
    _, reply = play("ollama", dialect="ollama")

    assert reply.failure is Failure.NONE
    assert reply.tokens.sum() == reply.reported_tokens == TOKENS
    assert reply.engine_decode_ns == 5000


def test_a_server_that_replies_once_has_an_end_and_no_token_instants(play):
    kept, reply = play("rawrxd", dialect="rawrxd")

    assert reply.failure is Failure.NONE
    assert reply.tokens.size == 0
    assert reply.reported_tokens is None
    assert kept.ended_ns > kept.sent_ns


def test_no_model_loaded_with_status_200_is_an_engine_error(play):
    _, reply = play("rawrxd_no_model", dialect="rawrxd")

    assert reply.failure is Failure.ENGINE_ERROR
    assert reply.detail == "Error: No model loaded"


def test_proxies_of_the_environment_are_not_used(play, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    _, reply = play("good")

    assert reply.failure is Failure.NONE


def test_an_open_loop_does_not_wait_for_a_server_that_hangs(ports):
    plan = LoadPlan(
        HttpTarget("openai", f"http://127.0.0.1:{ports['port']}/silent/v1"),
        constant(5, rate=100),
        prompts=("x",),
        requests=5,
        max_tokens=1,
        deadline_s=0.6,
    )
    done = Driven()
    now = time.perf_counter_ns
    asyncio.run(drive(plan, Share(), start_ns=now(), key=None, clock=now, done=done))

    assert [kept.broken for kept in done.exchanges] == [Failure.DEADLINE] * 5
    assert max(kept.sent_ns for kept in done.exchanges) < min(kept.ended_ns for kept in done.exchanges)


def test_the_end_of_the_run_ends_what_is_still_open(ports):
    plan = LoadPlan(
        HttpTarget("openai", f"http://127.0.0.1:{ports['port']}/silent/v1"),
        ClosedLoop(2),
        prompts=("x",),
        requests=9,
        max_tokens=1,
        limit_s=0.2,
    )
    done = Driven()
    now = time.perf_counter_ns
    asyncio.run(drive(plan, Share(), start_ns=now(), key=None, clock=now, done=done))

    assert [(kept.broken, kept.detail) for kept in done.exchanges] == [(Failure.DEADLINE, "the run was over")] * 2


def test_one_run_outlives_every_failure_and_two_processes_merge_exactly(ports):
    words = ("good", "reset", "invalid_json", "stall", "good", "html", "vanish", "early_end")
    plan = LoadPlan(
        HttpTarget("openai", f"http://127.0.0.1:{ports['port']}/named/v1"),
        ClosedLoop(4),
        prompts=words,
        requests=16,
        max_tokens=TOKENS,
        deadline_s=60,
        silence_s=1,
        processes=2,
        keep_bytes=True,
    )

    result = run_load(plan, environ=os.environ)

    arrays = result.arrays
    assert sorted(arrays.number.tolist()) == list(range(16))
    assert (np.diff(arrays.sent_ns) >= 0).all()
    assert result.summary["completed"] == 4
    assert {name: entry["count"] for name, entry in result.summary["failures"].items()} == {
        "DISCONNECTED": 4,
        "MALFORMED": 2,
        "STALLED": 2,
        "NOT_A_STREAM": 2,
        "TRUNCATED": 2,
    }
    by_number = dict(zip(arrays.number.tolist(), range(16), strict=True))
    for number, row in by_number.items():
        assert (arrays.failure[row] == Failure.NONE) == (words[number % 8] == "good")
    assert arrays.body(by_number[5]) == b"<html><body>Welcome</body></html>"
    assert np.isinf(end_to_end_ms(arrays)).sum() == 12
    counts = token_counts(arrays)
    assert (counts.reported, counts.ids, counts.chunks, counts.disagreeing) == (16, None, 16, 0)


def test_an_api_key_reaches_the_server_and_nothing_else(ports):
    plan = LoadPlan(
        HttpTarget("openai", f"http://127.0.0.1:{ports['port']}/echo_key/v1", key_env="FAKE_KEY"),
        ClosedLoop(1),
        prompts=("x",),
        requests=1,
        max_tokens=1,
        deadline_s=30,
        keep_bytes=True,
    )

    result = run_load(plan, environ={**os.environ, "FAKE_KEY": "sk-abc123"})

    assert result.arrays.body(0) == b'{"error": "unknown key *********"}'
    assert "sk-abc123" not in json.dumps(result.summary) + json.dumps(plan.to_json())


@pytest.mark.parametrize(
    ("script", "retries", "failures"),
    [
        ("flaky", 1, [Failure.OVERLOADED, Failure.NONE]),
        ("flaky", 0, [Failure.OVERLOADED]),
        ("busy", 1, [Failure.OVERLOADED, Failure.OVERLOADED]),
        ("good", 1, [Failure.NONE]),
    ],
)
def test_a_failed_request_is_tried_again_as_often_as_the_plan_allows(ports, script, retries, failures):
    plan = LoadPlan(
        HttpTarget("openai", f"http://127.0.0.1:{ports['port']}/{script}/v1"),
        ClosedLoop(1),
        ("Tell me more",),
        1,
        TOKENS,
        seed=retries,
        retries=retries,
        retry_after_s=0.01,
    )
    done, now = Driven(), time.perf_counter_ns
    asyncio.run(drive(plan, Share(), start_ns=now(), key=None, clock=now, done=done))
    arrays = pack(
        [(kept, DIALECTS["openai"].read(kept.response(), plan.ask(0))) for kept in done.exchanges], keep_bytes=False
    )

    assert arrays.failure.tolist() == failures
    assert arrays.number.tolist() == [0] * len(failures)
    assert len(set(arrays.intended_ns.tolist())) == 1


def test_a_retry_that_would_begin_after_the_deadline_is_not_made(ports):
    plan = LoadPlan(
        HttpTarget("openai", f"http://127.0.0.1:{ports['port']}/busy/v1"),
        ClosedLoop(1),
        ("x",),
        1,
        TOKENS,
        deadline_s=5,
        retries=1,
        retry_after_s=5,
    )
    done, now = Driven(), time.perf_counter_ns
    asyncio.run(drive(plan, Share(), start_ns=now(), key=None, clock=now, done=done))

    assert len(done.exchanges) == 1


def test_who_answers_is_asked_with_the_certificates_of_the_target_and_of_nobody_else(ports):
    url = f"https://localhost:{ports['tls_port']}/missing/v1/models"

    assert get(url, timeout_s=10) is None
    assert get(url, timeout_s=10, ca_file=str(FAKES / "localhost.pem"))[0] == 404


def test_who_answers_is_asked_at_its_own_address_and_no_redirect_is_followed(ports):
    answer = get(f"http://127.0.0.1:{ports['port']}/redirect/v1/models", timeout_s=10)

    assert 300 <= answer[0] < 400
