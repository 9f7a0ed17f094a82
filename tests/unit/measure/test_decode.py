"""A cell is measured until its conditions are met, and trouble is kept instead of thrown."""

import numpy as np
import pytest

from pytest_rawrxd.errors import EngineCrashed
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.contention import SystemCpu
from pytest_rawrxd.measure.decode import SUSTAINED, Cell, Conditions, measure_cell
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.engine.scenes import SCENES
from pytest_rawrxd.rig.engine.scripted import ScriptedEngine

CELL = Cell("Q4_K", 50)


class Kept:
    """A sink that remembers."""

    def __init__(self):
        self.records = []

    def record(self, kind, data, arrays=None):
        self.records.append((kind, data, arrays))
        return f"r{len(self.records)}"


def conditions(**changes):
    values = {
        "options": LoadOptions(n_ctx=512),
        "prompts": ("a prompt of several words",),
        "prompt_tokens": 8,
        "min_requests": 3,
        "min_seconds": 0.0,
        "load_deadline_s": 60,
        "request_deadline_s": 60,
        "cores": 2,
    }
    return Conditions(**{**values, **changes})


class FakeMemory:
    """An operating system that shows the shared memory it is told to, one value a reading."""

    shared_source = "a fake counter"

    def __init__(self, *shared):
        self._shared = iter(shared)

    def resident_bytes(self, pid):
        return 123 if pid is None else None

    def shared_bytes(self):
        return next(self._shared, None)


def measure(scene="steady", cell=CELL, memory=None, **changes):
    sink = Kept()
    with ScriptedEngine(SCENES[scene], seed=1) as engine:
        trouble = measure_cell(
            engine,
            "a file",
            cell,
            4,
            conditions(**changes),
            model_sha256="f" * 64,
            sink=sink,
            cpu=SystemCpu(),
            memory=memory or FakeMemory(),
            own_pids=[],
            clock=SYSTEM,
        )
    return trouble, sink.records


def test_the_record_holds_what_was_asked_and_what_came():
    trouble, [(kind, data, arrays)] = measure()

    assert (trouble, kind) == (None, "decode.run")
    assert (data["variant"], data["tokens"], data["process"], data["requests"]) == ("Q4_K", 50, 4, 3)
    assert data["model_sha256"] == "f" * 64
    assert data["finish_reasons"] == ["length"]
    assert data["prompt_tokens"] == [8, 8, 8]
    assert data["engine"]["backend"] == "scripted"
    assert arrays["offsets"].tolist() == [0, 50, 100, 150]
    assert arrays["stamps_ns"].shape == arrays["token_ids"].shape == (150,)
    assert (np.diff(arrays["stamps_ns"]) > 0).all()
    assert (arrays["submitted_ns"] < arrays["stamps_ns"][::50]).all()


def test_a_fast_engine_repeats_until_the_time_is_over():
    _, [(_, data, arrays)] = measure(min_requests=1, min_seconds=2.0)

    took = (arrays["stamps_ns"][-1] - arrays["submitted_ns"][0]) / 1e9
    assert 2.0 <= took < 2.0 + 50 * 0.015
    assert data["requests"] == len(arrays["submitted_ns"]) > 3


def test_a_crash_keeps_what_came_before_it():
    trouble, [(kind, data, arrays)] = measure("crash")

    assert isinstance(trouble, EngineCrashed)
    assert (kind, data["during"]) == ("trouble", "decode.run")
    assert data["type"] == EngineCrashed.__name__
    assert data["process"] == 4
    assert arrays["offsets"][-1] == arrays["stamps_ns"].size


@pytest.mark.parametrize("scene", ["hang", "crash"])
def test_trouble_is_told_in_full(scene):
    _, [(_, data, _)] = measure(scene)

    assert data["what"]
    assert isinstance(data["log_tail"], list)


def test_the_kind_of_the_cell_is_the_kind_of_the_record():
    _, [(kind, data, _)] = measure(cell=Cell("Q8_0", 50, SUSTAINED))

    assert kind == "bandwidth.run"
    assert (data["variant"], data["tokens"]) == ("Q8_0", 50)


@pytest.mark.parametrize(("shared", "growth"), [((1000, 1700), 700), ((1000,), None), ((), None)])
def test_growth_of_shared_memory_at_load_is_recorded_or_absent(shared, growth):
    _, [(_, data, _)] = measure(memory=FakeMemory(*shared))

    assert data["memory"] == {
        "resident_bytes": 123,
        "shared_growth_bytes": growth,
        "shared_source": "a fake counter",
    }
