"""What servers say about themselves, in our names."""

import json

import pytest

from pytest_rawrxd.measure.probe import names
from pytest_rawrxd.measure.probe.told import recognise, told
from pytest_rawrxd.rig.server.target import HttpTarget

LLAMA_METRICS = b"""# HELP llamacpp:tokens_predicted_total Number of generation tokens processed.
# TYPE llamacpp:tokens_predicted_total counter
llamacpp:tokens_predicted_total 1200
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 3
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred 7
"""
VLLM_METRICS = b"""# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{model_name="m",engine="0"} 4.0
vllm:num_requests_running{model_name="m",engine="1"} 5.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{model_name="m"} 2.0
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{model_name="m"} 99.0
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7e+09
"""
RAWRXD_HEALTH = {
    "status": "ok",
    "uptime_seconds": 60,
    "total_requests": 12,
    "failed_requests": 2,
    "tokens_generated": 640,
}


def server(**answers):
    """Answers by path; None where nothing answers."""
    known = {f"/{path.replace('__', '/')}": answer for path, answer in answers.items()}

    def probe(url, *, timeout_s):
        path = url.removeprefix("http://h:1")
        return known.get(path, (404, b""))

    return probe


def read(dialect, base, probe):
    return told(HttpTarget(dialect, base), now_s=1000.0, timeout_s=1, probe=probe)


def test_llama_server_tells_its_queue_and_its_tokens():
    probe = server(health=(200, b'{"status":"ok"}'), metrics=(200, LLAMA_METRICS))

    assert read("llama-server", "http://h:1", probe) == {
        names.TARGET_TOKENS: 1200,
        names.RUNNING: 3,
        names.WAITING: 7,
    }


def test_vllm_tells_its_start_and_the_engines_of_one_server_count_together():
    found = read("openai", "http://h:1/v1", server(health=(200, b""), metrics=(200, VLLM_METRICS)))

    assert found == {names.RUNNING: 9, names.WAITING: 2, names.TARGET_TOKENS: 99, names.START: 1.7e9}


def test_rawrxd_tells_everything_in_its_health():
    found = read("rawrxd", "http://h:1", server(health=(200, json.dumps(RAWRXD_HEALTH).encode())))

    assert found == {
        names.TARGET_TOKENS: 640,
        names.TARGET_REQUESTS: 12,
        names.TARGET_FAILURES: 2,
        names.START: 940.0,
    }


def test_a_server_without_a_health_of_its_own_is_well_when_it_lists_its_models():
    assert read("openai", "http://h:1/v1", server(v1__models=(200, b'{"data":[]}'))) == {}


@pytest.mark.parametrize("health", [None, (503, b'{"error":"loading model"}'), (500, b"")])
def test_a_server_that_does_not_say_that_it_is_well_is_down(health):
    assert read("llama-server", "http://h:1", server(health=health)) is None


def test_what_is_no_exposition_is_passed_over():
    probe = server(health=(200, b""), metrics=(200, b"<html>not { metrics</html>"))
    assert read("llama-server", "http://h:1", probe) == {}


@pytest.mark.parametrize(
    ("answers", "dialect", "base"),
    [
        ({"health": (200, json.dumps(RAWRXD_HEALTH).encode())}, "rawrxd", "http://h:1"),
        ({"health": (200, b"{}"), "props": (200, b'{"total_slots": 2}')}, "llama-server", "http://h:1"),
        ({"api__version": (200, b'{"version":"0.5"}'), "api__tags": (200, b'{"models":[{"name":"q"}]}')}, "ollama",
         "http://h:1"),
        ({"v1__models": (200, b'{"data":[{"id":"m"}]}')}, "openai", "http://h:1/v1"),
    ],
)  # fmt: skip
def test_the_kind_of_a_server_is_found_out(answers, dialect, base):
    target = recognise("http://h:1/", timeout_s=1, probe=server(**answers))
    assert (target.dialect, target.base_url) == (dialect, base)


def test_where_nobody_answers_no_kind_is_found():
    assert recognise("http://h:1", timeout_s=1, probe=lambda url, *, timeout_s: None) is None
