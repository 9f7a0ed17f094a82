"""What this suite relies on in the real llama-cpp-python, so that its next release cannot change it unseen."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import psutil
import pytest

from pytest_rawrxd.errors import EngineCrashed, EngineHung, LoadFailed
from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine
from pytest_rawrxd.rig.engine.protocol import Engine, LoadOptions, Progress, Request

OPTIONS = LoadOptions(n_ctx=1024, n_streams=4, prefill_chunk=32, n_threads=1)
ENOUGH = 60.0


@pytest.fixture
def heard() -> list[Progress]:
    return []


@pytest.fixture
def engine(heard) -> Iterator[Engine]:
    with open_engine("llama-cpp-python", EngineSetup(os.environ, on_progress=heard.append)) as opened:
        yield opened


@pytest.fixture(scope="module")
def loaded(tiny_model) -> Iterator[Engine]:
    """One engine for the tests that leave it as it was."""
    with open_engine("llama-cpp-python", EngineSetup(os.environ)) as opened:
        opened.load(tiny_model, OPTIONS, deadline_s=ENOUGH)
        yield opened


def tokens_of(engine: Engine, *requests: Request, **options) -> list[list[int]]:
    return [answer.token_ids.tolist() for answer in engine.generate(requests, deadline_s=ENOUGH, **options)]


def test_the_engine_says_who_it_is(loaded) -> None:
    info = loaded.info

    assert (info.name, info.binding) == ("llama.cpp", "llama-cpp-python 0.3.36")
    assert info.version
    assert len(info.library_sha256) == 64
    assert any("ggml-base" in name for name in info.details["libraries"])
    assert loaded.pid != os.getpid()
    assert "llama_cpp" not in sys.modules


def test_greedy_tokens_of_one_stream_are_the_same_every_time(loaded) -> None:
    request = Request(loaded.tokenize("Once upon a time"), 64)

    assert tokens_of(loaded, request) == tokens_of(loaded, request)


def test_thirty_two_streams_run_at_once(tiny_model) -> None:
    streams = 32
    with open_engine("llama-cpp-python", EngineSetup(os.environ)) as engine:
        engine.load(tiny_model, replace(OPTIONS, n_ctx=streams * 32, n_streams=streams), deadline_s=ENOUGH)
        answers = engine.generate([Request([100 + i], 16) for i in range(streams)], deadline_s=ENOUGH)

    assert [len(answer.token_ids) for answer in answers] == [16] * streams
    assert max(answer.stamps_ns[0] for answer in answers) < min(answer.stamps_ns[-1] for answer in answers)


def test_a_batch_completes_with_exact_counts_and_rising_stamps(loaded) -> None:
    prompt = loaded.tokenize("The quick brown fox")
    requests = [Request([*prompt, 100 + i], 20 + i, id=f"r{i}") for i in range(10)]

    answers = loaded.generate(requests, deadline_s=ENOUGH)

    assert [answer.id for answer in answers] == [request.id for request in requests]
    for request, answer in zip(requests, answers, strict=True):
        assert answer.finish_reason == "length"
        assert len(answer.token_ids) == len(answer.stamps_ns) == request.max_tokens
        assert answer.prompt_tokens == len(request.prompt)
        assert answer.submitted_ns < answer.stamps_ns[0]
        assert np.all(np.diff(answer.stamps_ns) > 0)
    assert loaded.cost is not None
    assert 0 < loaded.cost.engine_ns < loaded.cost.wall_ns


@pytest.mark.parametrize("how", ["continuous", "lock step"])
def test_a_prompt_in_chunks_continues_as_a_prompt_in_one_piece(loaded, how) -> None:
    """A stream that lost a position or a cell would answer with other tokens."""
    rng = np.random.default_rng(1)
    requests = [Request(rng.integers(3, 350, size).tolist(), 24) for size in (1, 31, 32, 33, 100, 7)]
    alone = [tokens_of(loaded, request)[0] for request in requests]

    together = tokens_of(loaded, *requests, lock_step=how == "lock step")

    same = np.mean([a == b for a, b in zip(np.ravel(alone), np.ravel(together), strict=True)])
    assert same > 0.9, "batched F32 arithmetic differs in the last bits only"


def test_in_graph_sampling_gives_the_tokens_of_argmax(engine, loaded, tiny_model) -> None:
    requests = [Request([1, 50 + i], 30) for i in range(6)]

    report = engine.load(tiny_model, replace(OPTIONS, sampling="in-graph"), deadline_s=ENOUGH)

    assert report.sampling == "in-graph"
    assert tokens_of(engine, *requests) == tokens_of(loaded, *requests)


def test_loading_reports_buffers_and_threads(engine, tiny_model) -> None:
    report = engine.load(tiny_model, OPTIONS, deadline_s=ENOUGH)

    assert {buffer["kind"] for buffer in report.buffers} == {"model", "kv", "compute", "output"}
    assert (report.n_ctx, report.n_threads, report.sampling) == (1024, 1, "argmax")
    assert report.load_s > 0
    assert report.warm_up_s > 0
    assert report.devices
    for device in report.devices:
        assert (device.memory_free is None) is bool(device.reason)


def test_gpu_layers_on_a_build_without_a_gpu_are_seen_as_not_offloaded(engine, tiny_model) -> None:
    if engine.info.details["supports_gpu_offload"]:
        pytest.skip("this build of llama.cpp can offload")
    report = engine.load(
        tiny_model, LoadOptions(n_ctx=128, n_gpu_layers=99, prefill_chunk=8, n_threads=1), deadline_s=ENOUGH
    )

    assert (report.layers_offloaded, report.layers_total) == (0, 3)
    assert engine.info.backend == "cpu"


def test_gpu_layers_on_a_build_with_a_gpu_are_all_offloaded(engine, tiny_model) -> None:
    """For example ``LLAMA_CPP_LIB_PATH`` on a Vulkan build, and Mesa's lavapipe where there is no card."""
    if not engine.info.details["supports_gpu_offload"]:
        pytest.skip("this build of llama.cpp has no GPU backend")
    requests = [Request([1, 50 + i], 10) for i in range(6)]
    report = engine.load(tiny_model, replace(OPTIONS, n_gpu_layers=99), deadline_s=300)

    assert (report.layers_offloaded, report.layers_total, report.sampling) == (3, 3, "in-graph")
    assert any(buffer["device"] == report.devices[0].name for buffer in report.buffers if buffer["kind"] == "model")
    assert engine.info.backend == report.devices[0].backend != "cpu"
    assert {len(tokens) for tokens in tokens_of(engine, *requests)} == {10}
    assert next(step["work"] for step in report.warm_up) == "prompt of 64 beside 3 streams"
    *widths, deep = report.warm_up
    assert all(step["warm_ms"] > 0 for step in widths)
    assert sum(step["cold_ms"] for step in widths) > sum(step["warm_ms"] for step in widths)
    assert deep["work"] == "4 whole contexts"
    assert deep["cold_ms"] > 0


def test_a_warm_up_on_a_cpu_is_one_pass(engine, tiny_model) -> None:
    report = engine.load(tiny_model, OPTIONS, deadline_s=ENOUGH)

    assert len(report.warm_up) == 1 + 6 + 4
    assert all(step["cold_ms"] > 0 and step["warm_ms"] is None for step in report.warm_up)


def test_a_context_smaller_than_a_chunk_takes_the_prompt_in_smaller_ones(engine, tiny_model) -> None:
    engine.load(tiny_model, replace(OPTIONS, n_ctx=64, n_streams=1, prefill_chunk=512), deadline_s=ENOUGH)

    [answer] = engine.generate([Request(list(range(3, 53)), 8)], deadline_s=ENOUGH)

    assert answer.finish_reason == "length"


def test_damaged_weights_are_refused_by_name_and_pass_only_unchecked(engine, poisoned_model) -> None:
    with pytest.raises(LoadFailed) as caught:
        engine.load(poisoned_model, OPTIONS, deadline_s=ENOUGH)

    assert "blk.1.ffn_up.weight" in str(caught.value)
    assert str(poisoned_model) in str(caught.value)


def test_a_file_that_is_no_model_is_refused_with_the_engines_words(engine, tmp_path) -> None:
    (tmp_path / "foreign.gguf").write_bytes(b"not a model at all")
    with pytest.raises(LoadFailed, match="invalid magic"):
        engine.load(tmp_path / "foreign.gguf", OPTIONS, deadline_s=ENOUGH)

    assert engine.devices(), "the process lives"


def test_a_context_larger_than_memory_is_refused_and_a_smaller_one_is_not(engine, wide_model) -> None:
    with pytest.raises(LoadFailed, match="refused a context"):
        engine.load(wide_model, LoadOptions(n_ctx=2**23, prefill_chunk=8), deadline_s=ENOUGH)

    report = engine.load(wide_model, LoadOptions(n_ctx=256, prefill_chunk=8), deadline_s=ENOUGH)
    assert [buffer["bytes"] for buffer in report.buffers if buffer["kind"] == "kv"] == [256 * 2**17]


def test_a_second_model_in_one_process_is_refused(engine, tiny_model) -> None:
    engine.load(tiny_model, OPTIONS, deadline_s=ENOUGH)

    with pytest.raises(LoadFailed, match="a model already"):
        engine.load(tiny_model, OPTIONS, deadline_s=ENOUGH)


def test_cells_that_run_out_end_one_request_and_the_rest_go_on(engine, tiny_model) -> None:
    engine.load(tiny_model, LoadOptions(n_ctx=256, n_streams=2, prefill_chunk=32, n_threads=1), deadline_s=ENOUGH)

    answers = engine.generate([Request([1, 60], 200), Request([1, 61], 200), Request([1, 62], 20)], deadline_s=ENOUGH)

    assert [answer.finish_reason for answer in answers] == ["length", "error: no KV cells left", "length"]
    assert [len(answer.token_ids) for answer in (answers[0], answers[2])] == [200, 20]


def test_a_request_that_cannot_fit_is_a_typed_error_and_the_process_lives(loaded) -> None:
    answers = loaded.generate([Request([1] * 1000, 100), Request([1], 2)], deadline_s=ENOUGH)

    assert [answer.finish_reason for answer in answers] == [
        "error: 1100 tokens do not fit the context of 1024",
        "length",
    ]


def test_a_child_killed_in_the_middle_is_a_crash(engine, tiny_model, heard) -> None:
    engine.load(tiny_model, OPTIONS, deadline_s=ENOUGH)
    process = psutil.Process(engine.pid)
    engine._on_progress = lambda progress: (heard.append(progress), process.kill())

    with pytest.raises(EngineCrashed, match="generating"):
        engine.generate([Request([1], 1000)] * 4000, deadline_s=ENOUGH)

    assert heard[0].tokens > 0


def test_a_missed_deadline_stops_the_graph_and_says_it_was_only_late(engine, tiny_model) -> None:
    engine.load(tiny_model, OPTIONS, deadline_s=ENOUGH)

    with pytest.raises(EngineHung, match="late, not stuck"):
        engine.generate([Request([1], 1000)] * 4000, deadline_s=0.2)

    assert not psutil.pid_exists(engine.pid)


def test_admission_ends_in_time_and_running_requests_finish(loaded) -> None:
    answers = loaded.generate([Request([1], 100)] * 2000, deadline_s=ENOUGH, admit_for_s=0.05)

    reasons = [answer.finish_reason for answer in answers]
    assert set(reasons) == {"length", "not admitted"}
    assert reasons == sorted(reasons), "the first ones ran"
