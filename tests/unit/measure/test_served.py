"""What is measured over HTTP has the form of what is measured in process: here with a client and a server of paper."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest

from pytest_rawrxd.errors import EngineCrashed
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.concurrency import LoadTerms, Observers
from pytest_rawrxd.measure.decode import Cell, Conditions
from pytest_rawrxd.measure.levels import MAIN, Level
from pytest_rawrxd.measure.load.arrays import pack
from pytest_rawrxd.measure.load.calibration import Calibration
from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.measure.load.run import LoadResult
from pytest_rawrxd.measure.load.schedule import ClosedLoop, OpenLoop
from pytest_rawrxd.measure.served import measure_served_cell, measure_served_level
from pytest_rawrxd.measure.served_run import Client, ServerBench, host_use
from pytest_rawrxd.rig.engine.protocol import EngineInfo, LoadOptions
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.response import Finish, Reply
from pytest_rawrxd.rig.server.served import Remote
from pytest_rawrxd.rig.server.target import HttpTarget

MS = 1_000_000
INFO = EngineInfo("llama.cpp", "b1", "HTTP", "not told", "not told", "")
SERVER = Remote(HttpTarget("openai", "http://127.0.0.1:1/v1"), INFO)
CALM = Calibration(4, 80.0, "burst", 100, 10.0, 50.0, 90.0, 5.0, 100.0, 200.0, 0.0, 1)
ABOUT = {"variant": "Q4_K", "run": 1, "model_sha256": None, "beside": "llama-server"}


class Kept:
    def __init__(self):
        self.records = []

    def record(self, kind, data, arrays=None):
        self.records.append((kind, data, arrays))
        return f"r{len(self.records)}"


class Host:
    shared_source = "not read"

    def own_s(self, pids):
        return 0.0

    def resident_bytes(self, pid):
        return None

    def shared_bytes(self):
        return None


class Paper:
    """A load client that answers each plan from a table: 4 tokens a request, 10 ms apart."""

    def __init__(self, *, failure=Failure.NONE, chunk=1):
        self.plans, self.calibrations = [], []
        self._failure, self._chunk = failure, chunk

    def run(self, plan):
        self.plans.append(plan)
        rows = [self._row(plan, number) for number in range(min(plan.requests, 8))]
        host = {"wall_s": 2.0, "own_cpu_s": 0.2, "busy_cpu_s": 1.0, "cores": 2, "rss_bytes": 1}
        process = {"loop_lag_ns": {"p99": 2 * MS}, "cpu_us_per_chunk": 1.0, "host": host, "settled": {}}
        return LoadResult(pack(rows, keep_bytes=False), {"processes": [process], "failures": {}}, 0)

    def _row(self, plan, number):
        due = 100 * number * MS
        kept = Exchange(number, due, due + MS, due + 50 * MS, 200)
        stamps = np.arange(4 // self._chunk, dtype=np.int64) * 10 * MS + due + 5 * MS
        ids = np.arange(4, dtype=np.int32)
        tokens = np.full(stamps.size, self._chunk, np.int32)
        return kept, Reply(stamps, tokens, ids, 4, 9, 0, None, Finish.LENGTH, self._failure)

    def calibrate(self, **asked):
        self.calibrations.append(asked)
        return (CALM,)


def terms(**changes):
    values = {
        "options": LoadOptions(n_ctx=512, n_streams=4),
        "texts": ("a text of some words", "another one"),
        "prompt_tokens": 16,
        "tokens": 4,
        "requests": 8,
        "seconds": None,
        "level_seconds": 1.0,
        "load_deadline_s": 60,
        "request_deadline_s": 60,
        "cores": 2,
        "seed": (1,),
    }
    return LoadTerms(**{**values, **changes})


def watch(sink):
    return Observers(sink, Host(), Host(), [], SYSTEM)


def measure(paper, level=None, server=SERVER, **changes):
    sink = Kept()
    trouble = measure_served_level(
        lambda: contextlib.nullcontext(server),
        level or Level(4),
        ABOUT,
        terms(**changes),
        client=Client(paper.run, paper.calibrate),
        open_share=0.5,
        watch=watch(sink),
    )
    return trouble, sink.records


def test_a_run_is_warmed_up_and_lies_between_two_calibrations_at_its_own_rate():
    paper = Paper()

    _, [(kind, data, _)] = measure(paper, seconds=2.0)

    warm_up, run = paper.plans
    assert (warm_up.requests, run.admit_for_s) == (8, 2.0)
    assert warm_up.seed != run.seed
    assert kind == "load.run"
    assert [asked["streams"] for asked in paper.calibrations] == [4, 4]
    assert [calibration["p99_us"] for calibration in data["http"]["calibration"]] == [50.0, 50.0]


def test_the_record_has_the_form_of_one_made_in_process():
    _, [(_, data, arrays)] = measure(Paper())

    assert (data["target"], data["beside"], data["part"], data["streams"]) == ("http", "llama-server", "level", 4)
    assert data["finish_reasons"] == ["length"]
    assert data["cost"] is None
    assert arrays["offsets"].tolist() == list(range(0, 33, 4))
    assert (arrays["submitted_ns"] - arrays["intended_ns"]).tolist() == [MS] * 8
    assert arrays["finish"].tolist() == [0] * 8
    assert data["http"]["send_lag_p99_ms"] == 1.0
    assert data["http"]["loop_lag_p99_ms"] == 2.0


def test_tokens_of_one_chunk_share_its_instant():
    _, [(_, _, arrays)] = measure(Paper(chunk=2))

    assert arrays["stamps_ns"].size == 32
    assert (np.diff(arrays["stamps_ns"])[::2] == 0).all()


def test_a_failure_is_a_reason_in_words():
    _, [(_, data, _)] = measure(Paper(failure=Failure.OVERLOADED))

    assert data["finish_reasons"] == ["error: the server turned the request away (429, 503)"]


def test_the_main_run_is_followed_by_an_open_loop_at_a_share_of_what_it_showed():
    paper = Paper()

    _, [(_, closed, _), (_, opened, _)] = measure(paper, Level(4, MAIN))

    *_, first, second = paper.plans
    assert isinstance(first.pace, ClosedLoop)
    assert isinstance(second.pace, OpenLoop)
    assert (closed["part"], opened["part"]) == ("main", "open")
    rate = 32 / 0.749  # tokens from the first request to the last end
    assert second.pace.parameters["rate"] == pytest.approx(0.5 * rate / 4)
    assert closed["http"]["arrivals"] is None
    assert opened["http"]["arrivals"] == {"kind": "poisson", **second.pace.parameters}


def test_the_open_loop_arrives_as_the_profile_asks():
    paper = Paper()

    _, [_, (_, opened, _)] = measure(paper, Level(4, MAIN), arrivals="burst")

    pace = paper.plans[-1].pace
    assert (pace.kind, paper.plans[-1].requests) == ("burst", pace.offsets_ns.size)
    assert pace.offsets_ns[:4].tolist() == [0] * 4
    assert opened["http"]["arrivals"]["size"] == 4


def test_without_a_token_there_is_no_rate_to_open_a_loop_at():
    _, records = measure(Paper(failure=Failure.TRUNCATED), Level(4, MAIN))

    assert [data["part"] for _, data, _ in records] == ["main"]


def test_a_server_that_died_is_trouble_with_the_level_it_died_at():
    class Dead(Remote):
        def check(self):
            raise EngineCrashed("llama-server ended while it was measured", found="exit status 139")

    trouble, [(kind, data, _)] = measure(Paper(), server=Dead(SERVER.target, INFO))

    assert isinstance(trouble, EngineCrashed)
    assert (kind, data["during"], data["streams"], data["beside"]) == ("trouble", "load.run", 4, "llama-server")


def test_what_others_used_is_what_was_busy_without_us():
    process = {"host": {"wall_s": 2.0, "own_cpu_s": 0.2, "busy_cpu_s": 3.0, "cores": 2}}

    assert host_use({"processes": [process]}, 1.2)["foreign_share"] == pytest.approx(0.4)
    assert host_use({"processes": [process]}, 9.0)["foreign_share"] == 0.0


def conditions(**changes):
    values = {
        "options": LoadOptions(n_ctx=512),
        "prompts": ("a text of some words",),
        "prompt_tokens": 16,
        "min_requests": 2,
        "min_seconds": 0.5,
        "load_deadline_s": 60,
        "request_deadline_s": 60,
        "cores": 2,
    }
    return Conditions(**{**values, **changes})


def measure_cell(paper, **changes):
    sink = Kept()
    trouble = measure_served_cell(
        lambda: contextlib.nullcontext(SERVER),
        Cell("Q4_K", 4),
        3,
        conditions(**changes),
        model_sha256="f" * 64,
        client=Client(paper.run, paper.calibrate),
        watch=watch(sink),
    )
    return trouble, sink.records


def test_a_cell_is_one_client_with_requests_enough_for_the_time():
    paper = Paper()

    _, [(kind, data, arrays)] = measure_cell(paper)

    run = paper.plans[-1]
    assert kind == "decode.run"
    assert run.pace == ClosedLoop(1)
    assert run.requests == np.ceil(0.5 * (8 / 0.149) / 4)  # the warm-up's rate: two requests of four tokens in 149 ms
    assert (data["variant"], data["tokens"], data["process"], data["model_sha256"]) == ("Q4_K", 4, 3, "f" * 64)
    assert data["prompt_tokens"] == [9] * data["requests"]
    assert arrays["stamps_ns"].size == 4 * data["requests"]


def test_a_failed_request_of_a_cell_is_trouble():
    trouble, [(kind, data, _)] = measure_cell(Paper(failure=Failure.SERVER_ERROR))

    assert trouble is not None
    assert (kind, data["during"]) == ("trouble", "decode.run")
    assert "the server failed (5xx)" in data["found"]


def test_a_server_that_tells_no_tokens_is_asked_for_its_counter():
    counted = iter([b'{"tokens_generated": 100}', b'{"tokens_generated": 164}'])
    server = replace(SERVER, target=HttpTarget("rawrxd", "http://127.0.0.1:1"))
    bench = ServerBench(
        server,
        terms(),
        Client(Paper().run, Paper().calibrate),
        watch(Kept()),
        probe=lambda url, *, timeout_s: (200, next(counted)),
    )

    data = bench.measure(bench.closed(4), 4, 80.0).data
    assert data["http"]["tokens_generated"] == 64
    assert "replies once" in data["not_measurable"]["itl"]
