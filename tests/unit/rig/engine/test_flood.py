"""An engine process that says too much, or says it wrong, ends as a crash of its own; the suite goes on."""

import os
import sys
import time

import pytest

from pytest_rawrxd.errors import EngineCrashed
from pytest_rawrxd.rig.engine import messages
from pytest_rawrxd.rig.engine.process import INBOX_FRAMES, LINE_BYTES, EngineProcess
from pytest_rawrxd.rig.engine.wire import Frame

HEAD = """
import sys
from pytest_rawrxd.rig.engine.wire import Frame, write_frame
out = sys.stdout.buffer
"""
FLOOD = "for _ in range(5000): write_frame(out, Frame('progress', {}, {}))"


def started(script: str) -> EngineProcess:
    command = [sys.executable, "-c", HEAD + script]
    return EngineProcess(command, environment=dict(os.environ), clock=time.monotonic, end_s=1.0)


def test_frames_that_nobody_asked_for_wait_in_the_pipe_and_do_not_hold_up_the_end():
    process = started(FLOOD)
    try:
        process.ask(None, expects=["progress"], doing="flooding", deadline_s=60)

        assert process._inbox.qsize() <= INBOX_FRAMES
    finally:
        process.close()
    assert not any(thread.is_alive() for thread in process._threads)


def test_a_line_of_a_log_without_an_end_is_kept_in_pieces():
    process = started("sys.stderr.write('x' * 100_000); sys.stderr.flush(); write_frame(out, Frame('hello', {}, {}))")
    try:
        process.ask(None, expects=["hello"], doing="starting", deadline_s=60)
    finally:
        process.close()
    assert sum(map(len, process.log)) == 100_000
    assert max(map(len, process.log)) == LINE_BYTES


@pytest.mark.parametrize("body", ["{}", "{'info': []}", "{'info': {'name': 'x'}}"])
def test_a_message_of_another_shape_is_a_crash_with_what_was_sent(body):
    process = started(f"write_frame(out, Frame('hello', {body}, {{}})); sys.stdin.read()")
    frame = process.ask(None, expects=["hello"], doing="starting", deadline_s=60)
    assert isinstance(frame, Frame)

    with pytest.raises(EngineCrashed, match="what is no answer while starting") as caught:
        process.understand(frame, messages.info_from_frame, "starting")
    assert "a frame 'hello' of another shape" in str(caught.value)
    assert process._child.poll() is not None
