"""The parent's handle against children that go wrong: every end is named, and no child is left behind."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pytest_rawrxd.errors import EngineCrashed, EngineHung, UsageProblem
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.engine.handle import ChildEngine
from pytest_rawrxd.rig.engine.process import EngineProcess
from pytest_rawrxd.rig.engine.protocol import LoadOptions, Progress, Request

FAKE = Path(__file__).parents[3] / "fakes" / "engine_child.py"
SOON = 0.3  # s: a deadline that a mode misses for certain, because it never answers
PATIENT = 30.0


@contextmanager
def engine(mode: str, *, start_deadline_s: float = PATIENT, loaded: bool = True, **options) -> Iterator[ChildEngine]:
    process = EngineProcess(
        [sys.executable, str(FAKE), mode],
        environment=child_environment(os.environ),
        clock=time.monotonic,
        end_s=5.0,
        abort_s=SOON,
    )
    with ChildEngine(process, start_deadline_s=start_deadline_s, **options) as child:
        if loaded:
            child.load(Path("model.gguf"), LoadOptions(n_ctx=64), deadline_s=PATIENT)
        yield child
    assert not psutil.pid_exists(process.pid)


def generate(child: ChildEngine, *, deadline_s: float = PATIENT, requests: int = 2, prompt: int = 3):
    return child.generate([Request([1] * prompt, 1)] * requests, deadline_s=deadline_s)


def test_a_healthy_child_answers_and_ends() -> None:
    with engine("healthy") as child:
        assert child.info.name == "fake engine"
        assert child.tokenize("ab") == [97, 98]
        assert child.devices() == ()
        assert [generation.finish_reason for generation in generate(child)] == ["length", "length"]
        assert child.cost is not None
        assert child.cost.overhead_us_per_step == 1e-3


def test_progress_reaches_the_listener() -> None:
    heard: list[Progress] = []
    with engine("healthy", on_progress=heard.append) as child:
        generate(child)

    assert heard == [Progress(tokens=1, active=1, finished=0, total=2)]


def test_what_a_library_prints_is_a_log_line_and_no_frame() -> None:
    with engine("prints") as child:
        assert len(generate(child)) == 2
        child.close()
        assert "a library prints to stdout" in child.log


def test_a_child_that_dies_at_once_is_a_crash_with_its_last_words() -> None:
    with pytest.raises(EngineCrashed) as caught, engine("dies at once"):
        pass

    assert caught.value.found == "exit status 3"
    assert caught.value.log_tail == ("ImportError: libvulkan.so.1",)


def test_a_child_that_never_says_hello_is_hung() -> None:
    with pytest.raises(EngineHung, match="while starting"), engine("silent", start_deadline_s=SOON):
        pass


def test_a_death_while_loading_names_the_model_and_the_exit() -> None:
    with pytest.raises(EngineCrashed, match=r"loading model\.gguf") as caught, engine("dies loading"):
        pass

    assert caught.value.found == "exit status 7"
    assert "ggml_vulkan: device lost" in caught.value.log_tail


def test_a_crash_while_generating_keeps_the_assertion_that_failed() -> None:
    with engine("aborts generating") as child:
        with pytest.raises(EngineCrashed, match="generating for 2 requests") as caught:
            generate(child)

        if sys.platform != "win32":
            assert caught.value.found == "signal SIGABRT"
        assert any("GGML_ASSERT" in line for line in caught.value.log_tail)
        with pytest.raises(EngineCrashed, match="generating for 2 requests"):
            child.devices()


def test_a_killed_child_is_a_crash() -> None:
    with engine("hangs", on_progress=lambda _: psutil.Process(child.pid).kill()) as child:
        with pytest.raises(EngineCrashed) as caught:
            generate(child)

        if sys.platform != "win32":
            assert caught.value.found == "signal SIGKILL"


def test_a_missed_deadline_ends_the_process() -> None:
    with engine("hangs") as child:
        with pytest.raises(EngineHung, match="no answer to an abort"):
            generate(child, deadline_s=SOON)

        assert not psutil.pid_exists(child.pid)
        with pytest.raises(EngineHung):
            generate(child)


def test_a_late_engine_is_told_from_a_stuck_one() -> None:
    with engine("late") as child, pytest.raises(EngineHung, match="late, not stuck"):
        generate(child, deadline_s=SOON)


def test_silence_is_noticed_before_a_far_deadline() -> None:
    with engine("hangs", silence_s=SOON) as child, pytest.raises(EngineHung, match="1 signs of progress"):
        generate(child, deadline_s=PATIENT)


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        ("garbage", "a frame starts with"),
        ("another answer", "a frame 'loaded'"),
        ("half a frame", "the stream ended after 6 of"),
        ("closes its pipe", "it closed its pipe and had to be ended"),
    ],
)
def test_a_child_that_sends_no_answer_is_a_crash_and_is_ended(mode, found) -> None:
    with engine(mode) as child:
        child._process._end_s = SOON
        with pytest.raises(EngineCrashed) as caught:
            generate(child)

        assert found in (caught.value.found or "")


def test_a_child_that_does_not_listen_cannot_stop_the_caller() -> None:
    """Four megabytes fit into no pipe: a caller that wrote them itself would wait for ever."""
    with engine("does not listen", loaded=False) as child:
        child._loaded = True
        with pytest.raises(EngineHung):
            generate(child, requests=1, prompt=1_000_000, deadline_s=SOON)


def test_a_child_that_does_not_close_is_ended() -> None:
    with engine("does not close") as child:
        child._process._end_s = SOON


def test_an_interrupted_caller_leaves_no_child_and_waits_no_longer_than_an_abort() -> None:
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with engine("hangs", on_progress=interrupt) as child:
        child._process._end_s = PATIENT
        with pytest.raises(KeyboardInterrupt):
            generate(child)
        began = time.monotonic()
        child.close()

        assert time.monotonic() - began < PATIENT


def test_generating_before_loading_is_a_usage_problem() -> None:
    with engine("healthy", loaded=False) as child, pytest.raises(UsageProblem, match="no model"):
        generate(child)


def test_a_closed_engine_says_so() -> None:
    with engine("healthy") as child:
        child.close()
        with pytest.raises(UsageProblem, match="closed"):
            child.devices()


@pytest.mark.parametrize("request_", [Request([], 1), Request([1], 0)])
def test_a_request_that_asks_for_nothing_is_a_usage_problem(request_) -> None:
    with engine("healthy") as child, pytest.raises(UsageProblem, match="request 0"):
        child.generate([request_], deadline_s=1)


def test_a_child_does_not_outlive_a_suite_that_was_killed() -> None:
    """The suite dies without a word, while its engine sits in a call that never returns."""
    suite = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_process
with test_process.engine("hangs", on_progress=lambda _: (print(child.pid, flush=True), os._exit(1))) as child:
    test_process.generate(child)
"""
    done = subprocess.run([sys.executable, "-c", suite], capture_output=True, text=True, timeout=60, check=False)
    pid = int(done.stdout)

    if psutil.pid_exists(pid):
        gone, _ = psutil.wait_procs([psutil.Process(pid)], timeout=30)
        assert gone
