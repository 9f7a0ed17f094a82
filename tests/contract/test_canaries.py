"""Canaries of real engines: the one in process, and a llama-server in three dialects, judged as in a session."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pytest_rawrxd.measure.canary.in_process import EngineChoir
from pytest_rawrxd.measure.canary.served import ServerChoir
from pytest_rawrxd.measure.canary.song import canaries, measure_canaries
from pytest_rawrxd.plugin.faults import SMALL
from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.models.synthetic import write_synthetic
from pytest_rawrxd.rig.server.managed import ManagedServer
from pytest_rawrxd.rig.server.program import PACKAGE, find_program
from pytest_rawrxd.verdict.canaries import Songs, compare

STREAMS = 4
OPTIONS = LoadOptions(n_ctx=512, n_streams=STREAMS, n_threads=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "small.gguf"
    write_synthetic(path, SMALL)
    return path


def sung(choir):
    """What three stages of one choir come to, the first the reference of all."""
    birds = canaries(STREAMS, "a test")
    songs = tuple(stage_of(choir, birds, stage) for stage in ("reference", "solo", "together"))
    return songs, compare(songs[1:], songs[:1])


def stage_of(choir, birds, stage):
    """What one stage of a choir records."""
    kept = []
    sink = SimpleNamespace(record=lambda kind, data, arrays: kept.append((data, arrays)) or kind)
    measure_canaries(choir, birds, during="load", stage=stage, when=stage, sink=sink, about={})
    data, arrays = kept[0]
    return Songs(SimpleNamespace(id=stage, data=data), arrays)


def crossing(birds):
    """Prompts whose last third is the next one's, under their own names."""
    following = [*birds[1:], birds[0]]
    return [
        replace(bird, prompt=f"{bird.nonce} {bird.nonce} {other.nonce}")
        for bird, other in zip(birds, following, strict=True)
    ]


def test_the_engine_in_process_repeats_its_answers_and_reads_them_alone(model):
    with open_engine("llama-cpp-python", EngineSetup(environ=os.environ)) as engine:
        engine.load(model, OPTIONS, deadline_s=60)
        songs, found = sung(EngineChoir(engine, 30.0))

    assert [each.data["tells"] for each in songs] == [{"ids": True, "likelihoods": True, "alone": True}] * 3
    assert (found.answers, found.unanswered, found.wrong, found.undecided) == (2 * STREAMS, 0, (), ())
    assert found.same_tokens == 1.0 or found.divergence < 0.01
    # Greedy: alone, each token is the one that the engine, reading the answer again, finds the likeliest.
    assert (songs[0].arrays["ids"] == songs[0].arrays["top_ids"][:, :, 0]).all()


@pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is None, reason="the extra [server] is not installed")
def test_a_llama_server_tells_tokens_and_likelihoods_in_each_of_its_dialects(model):
    program = find_program(None, environment=os.environ)
    with ManagedServer(program, model, OPTIONS, environ=os.environ) as server:
        server.wait_ready(deadline_s=60)
        found = {
            dialect: sung(ServerChoir(server.target(dialect), 30.0))
            for dialect in ("llama-server", "openai", "openai-chat")
        }
        crossed = stage_of(ServerChoir(server.target(), 30.0), crossing(canaries(STREAMS, "a test")), "together")

    for dialect, (songs, compared) in found.items():
        assert songs[0].tells("ids"), dialect
        assert songs[0].tells("likelihoods"), dialect
        assert (compared.answers, compared.unanswered) == (2 * STREAMS, 0), dialect
        assert compared.wrong == (), dialect

    # What a cache does that hands a stream the last cells of another one.
    problems = compare((crossed,), found["llama-server"][0][:1]).wrong
    assert sum("nats apart" in problem for problem in problems) > 1
    assert "on average" in problems[-1]
