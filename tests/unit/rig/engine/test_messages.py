"""What goes into a frame comes out of it."""

import io
from pathlib import Path

import numpy as np
import pytest

from pytest_rawrxd.errors import LoadFailed
from pytest_rawrxd.rig.engine import messages
from pytest_rawrxd.rig.engine.protocol import Device, EngineInfo, LoadOptions, LoadReport, Request, RunCost
from pytest_rawrxd.rig.engine.wire import Frame, read_frame, write_frame
from pytest_rawrxd.rig.engine.work import Outcome, ScoreWork, generations_from_outcome, work_from_requests
from pytest_rawrxd.rig.models.quality import Scores

INFO = EngineInfo("llama.cpp", "0c1e570", "llama-cpp-python 0.3.36", "vulkan", "RX 7800 XT", "ab", {"devices": ["x"]})
DEVICE = Device("Vulkan0", "RX 7800 XT", "gpu", "vulkan", 1, 2)


def through_the_wire(frame: Frame) -> Frame:
    stream = io.BytesIO()
    write_frame(stream, frame)
    stream.seek(0)
    read = read_frame(stream)
    assert read is not None
    return read


def test_work_survives_the_wire() -> None:
    requests = [Request([1, 2, 3], 4, timeout_s=1.5), Request([9], 2)]
    work = work_from_requests(requests, lock_step=True, admit_for_s=2.5)

    read = messages.work_from_frame(through_the_wire(messages.work_to_frame(work)))

    assert read.prompts.tolist() == [1, 2, 3, 9]
    assert read.offsets.tolist() == [0, 3, 4]
    assert read.max_tokens.tolist() == [4, 2]
    assert read.timeouts_ns.tolist() == [1_500_000_000, 0]
    assert (read.lock_step, read.admit_for_ns) == (True, 2_500_000_000)


def test_an_outcome_survives_the_wire_and_falls_apart_into_generations() -> None:
    outcome = Outcome(
        np.array([5, 6, 7], np.int32),
        np.array([10, 20, 30], np.int64),
        np.array([0, 2, 2, 3]),
        np.array([1, 2, 3], np.int64),
        ("length", "error: timeout", "length"),
        RunCost(3, 30, 20),
    )
    requests = [Request([1], 2, "a"), Request([1, 2], 1, "b"), Request([1], 1, "c")]

    read = messages.outcome_from_frame(through_the_wire(messages.outcome_to_frame(outcome)))
    first, second, third = generations_from_outcome(read, requests)

    assert read.cost == outcome.cost
    assert (first.id, first.token_ids.tolist(), first.stamps_ns.tolist()) == ("a", [5, 6], [10, 20])
    assert (second.finish_reason, second.token_ids.tolist(), second.prompt_tokens) == ("error: timeout", [], 2)
    assert (third.submitted_ns, third.token_ids.tolist()) == (3, [7])


def test_a_load_and_its_report_survive_the_wire() -> None:
    options = LoadOptions(n_ctx=64, n_streams=3, sampling="argmax")
    buffers, steps = ({"device": "x", "kind": "kv", "bytes": 1},), ({"work": "x", "cold_ms": 1.0, "warm_ms": None},)
    report = LoadReport(1.0, 2.0, 33, 30, buffers, 64, ("W x",), devices=(DEVICE,), warm_up=steps)

    model, read_options = messages.load_from_frame(through_the_wire(messages.load_to_frame(Path("a/ü.gguf"), options)))
    read = messages.report_from_frame(through_the_wire(messages.report_to_frame(report, INFO)))

    assert (model, read_options) == (Path("a/ü.gguf"), options)
    assert read == (report, INFO)


@pytest.mark.parametrize("names", [(), ("keep",), ("against",)])
def test_a_text_to_score_survives_the_wire(names) -> None:
    files = {name: Path("a") / f"{name}-ü.npy" for name in names}
    work = ScoreWork(np.arange(8, dtype=np.int32).reshape(2, 4), **files)

    read = messages.score_work_from_frame(through_the_wire(messages.score_work_to_frame(work)))

    assert read.chunks.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert (read.keep, read.against) == (files.get("keep"), files.get("against"))


def test_scores_survive_the_wire_with_a_reference_and_without() -> None:
    alone = Scores(np.array([[1.5], [2.5]]))
    compared = Scores(alone.negative_log_likelihood, np.array([[0.1], [0.2]]), np.array([[True], [False]]))

    first, second = (
        messages.scores_from_frame(through_the_wire(messages.scores_to_frame(scores))) for scores in (alone, compared)
    )

    assert (first.negative_log_likelihood.tolist(), first.divergence, first.same_top) == ([[1.5], [2.5]], None, None)
    assert second.divergence.tolist() == [[0.1], [0.2]]
    assert second.same_top.tolist() == [[True], [False]]
    assert second.same_top.dtype == np.bool_


def test_a_refusal_survives_the_wire() -> None:
    failure = LoadFailed("refused", where="m.gguf", found="bad magic", log_tail=("E a", "E b"))

    read = messages.refused_from_frame(through_the_wire(messages.refused_to_frame(failure)), LoadFailed)

    assert str(read) == str(failure)
    assert read.log_tail == failure.log_tail


def test_devices_and_hello_survive_the_wire() -> None:
    assert messages.devices_from_frame(through_the_wire(messages.devices_to_frame([DEVICE]))) == (DEVICE,)
    assert messages.info_from_frame(through_the_wire(messages.hello_to_frame(INFO))) == INFO
