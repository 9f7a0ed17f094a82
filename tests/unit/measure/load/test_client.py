"""The client's parts that need no server: surroundings, summaries, and a parent that meets a broken client."""

import json
import os
import subprocess
import sys
import threading

import pytest

from pytest_rawrxd.errors import RigTrouble, UsageProblem
from pytest_rawrxd.measure.load.arrays import pack
from pytest_rawrxd.measure.load.calibration import Calibration, calibrate, interval_errors_ns
from pytest_rawrxd.measure.load.client import hide
from pytest_rawrxd.measure.load.drive import Driven
from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.run import run_load
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.measure.load.summary import merge_summaries, summarise
from pytest_rawrxd.measure.load.surroundings import HostUse, HostWatch, settle
from pytest_rawrxd.rig.server.dialects import DIALECTS
from pytest_rawrxd.rig.server.response import Ask
from pytest_rawrxd.rig.server.target import HttpTarget

PLAN = LoadPlan(HttpTarget("openai", "http://127.0.0.1:9/v1"), ClosedLoop(1), ("x",), 1, 1, limit_s=0.2)
HOST = HostUse(wall_s=2.0, own_cpu_s=0.5, busy_cpu_s=1.0, steal_cpu_s=None, cores=2, rss_bytes=1)


def test_what_the_system_does_not_allow_is_said(monkeypatch):
    def refuse(self, value):
        raise PermissionError

    monkeypatch.setattr("psutil.Process.nice", refuse)

    assert settle(None) == {"priority": "not raised: PermissionError"}


def test_the_host_watch_sees_this_process_at_work():
    watch = HostWatch()
    sum(range(300_000))
    use = watch.stop()

    assert 0 < use.own_cpu_s <= use.wall_s * 1.5
    assert use.busy_cpu_s >= 0


def test_a_summary_counts_failures_with_one_example_each():
    failed = Exchange(0, 0, status=500)
    failed.chunks = [b"boom"]
    reply = DIALECTS["openai"].read(failed.response(), Ask("x", 1))

    summary = summarise([(failed, reply), (failed, reply)], Driven(lag_ns=[1, 5]), HOST, {"priority": "raised"})

    assert (summary["requests"], summary["completed"], summary["bytes"]) == (2, 0, 8)
    assert summary["failures"]["SERVER_ERROR"]["count"] == 2
    assert summary["failures"]["SERVER_ERROR"]["example"] == "status 500: boom"
    assert summary["loop_lag_ns"] == {"samples": 2, "p99": 5, "max": 5}
    assert summary["cpu_us_per_chunk"] == 250_000

    merged = merge_summaries([summary, summary])
    assert merged["failures"]["SERVER_ERROR"]["count"] == merged["requests"] == 4
    assert len(merged["processes"]) == 2


def test_a_run_without_a_chunk_has_no_cost_per_chunk_and_no_lag():
    summary = summarise([], Driven(), HOST, {})

    assert summary["cpu_us_per_chunk"] is None
    assert summary["loop_lag_ns"] == {"samples": 0, "p99": None, "max": None}


def broken(code):
    """Starts ``code`` where the client should be."""
    return lambda _, **how: subprocess.Popen([sys.executable, "-c", code], **how)


def test_a_client_that_ends_without_a_result_is_a_crash_with_its_last_words():
    with pytest.raises(RigTrouble) as caught:
        run_load(PLAN, environ=os.environ, spawn=broken("import sys; sys.exit('no httptools')"))

    assert caught.value.found == "exit status 1"
    assert caught.value.log_tail == ("no httptools",)


class LateToBeRead:
    """The last words of a client whose reader has no turn on a busy host, until somebody asks whether it has ended."""

    def __init__(self, child):
        self._stream, self._asked, self._poll = child.stderr, threading.Event(), child.poll
        self.close = child.stderr.close
        child.stderr, child.poll = self, self._ended

    def _ended(self):
        self._asked.set()
        return self._poll()

    def __iter__(self):
        assert self._asked.wait(30)
        return iter(self._stream)


def test_the_last_words_of_a_client_are_waited_for():
    def spawn(_, **how):
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.exit('no httptools')"], **how)
        LateToBeRead(child)
        return child

    with pytest.raises(RigTrouble) as caught:
        run_load(PLAN, environ=os.environ, spawn=spawn)

    assert caught.value.log_tail == ("no httptools",)


def test_a_client_that_does_not_come_back_is_ended_at_the_end_of_the_plan():
    code = "import time; print('{\"ready\": 1}', flush=True); time.sleep(60)"

    with pytest.raises(RigTrouble, match="late"):
        run_load(PLAN, environ=os.environ, spawn=broken(code), grace_s=0.1)


def test_a_client_that_says_something_else_is_a_problem_of_the_instrument():
    for words in ("hello", "[]", "{}"):
        with pytest.raises(RigTrouble, match="something else") as caught:
            run_load(PLAN, environ=os.environ, spawn=broken(f"print('{words}')"))
        assert type(caught.value) is RigTrouble


def test_a_key_that_a_server_repeats_is_hidden_wherever_its_bytes_were_cut():
    kept = Exchange(0, 0, location="http://x/?key=sk-1")
    kept.chunks = [b"your key s", b"k-1 and sk-1", b" again"]

    hide("sk-1", kept)

    assert kept.chunks == [b"your key *", b"*** and ****", b" again"]
    assert kept.location == "http://x/?key=****"


def streamed(server_ns, client_ns):
    kept = Exchange(0, 0, status=200, content_type="text/event-stream")
    events = [{"sent_ns": sent, "choices": [{"text": "a", "finish_reason": "length"}]} for sent in server_ns]
    kept.chunks = [f"data: {json.dumps(event, separators=(',', ':'))}\n\n".encode() for event in events]
    kept.chunks[-1] += b"data: [DONE]\n\n"
    kept.stamps_ns = list(client_ns)
    return kept, DIALECTS["openai"].read(kept.response(), Ask("x", len(events)))


def test_the_interval_error_is_what_the_client_adds_to_a_gap():
    arrays = pack([streamed([0, 100, 200, 300], [50, 150, 280, 350])], keep_bytes=True)

    assert interval_errors_ns(arrays).tolist() == [0, 30, 30]


def test_a_constant_delay_is_no_error_and_a_failed_stream_has_none():
    kept, reply = streamed([0, 100], [70, 170])
    assert interval_errors_ns(pack([(kept, reply)], keep_bytes=True)).tolist() == [0]

    kept.status = 500
    failed = DIALECTS["openai"].read(kept.response(), Ask("x", 2))
    assert interval_errors_ns(pack([(kept, failed)], keep_bytes=True)).size == 0


def test_the_noise_floor_is_a_share_of_the_tightest_bound():
    values = {"p50_us": 10.0, "p99_us": 500.0, "max_us": 900.0, "cpu_us_per_event": 10.0, "foreign_cpu_share": 0.0}
    values["rss_bytes"] = 1
    calibration = Calibration(16, 80.0, "burst", 100, loop_lag_p99_us=None, loop_lag_max_us=None, **values)

    assert calibration.share_of(13.0) == pytest.approx(0.0385, abs=1e-4)


def test_a_calibration_of_no_interval_is_refused():
    with pytest.raises(UsageProblem):
        calibrate(streams=1, rate=1, seconds=1, pattern="burst", environ={})


@pytest.mark.parametrize("pattern", ["burst", "spread"])
def test_the_client_is_calibrated_against_a_server_that_knows_what_it_sent(pattern):
    calibration = calibrate(streams=3, rate=100, seconds=0.3, pattern=pattern, environ=os.environ)

    assert calibration.intervals == 3 * 29
    assert 0 <= calibration.p50_us <= calibration.p99_us <= calibration.max_us
    assert calibration.cpu_us_per_event > 0
    assert 0 <= calibration.foreign_cpu_share <= 1


def test_a_calibration_server_that_does_not_start_is_a_crash():
    with pytest.raises(RigTrouble, match="did not start"):
        calibrate(streams=1, rate=10, seconds=1, pattern="burst", environ=os.environ, spawn=broken("pass"))
