"""N streams are kept busy until the requests or the time are over; what happened is kept, trouble too."""

import numpy as np
import pytest

from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.concurrency import LoadTerms, Observers, measure_level, requests_for, sings
from pytest_rawrxd.measure.levels import MAIN, Level
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.engine.scenes import SCENES
from pytest_rawrxd.rig.engine.scripted import ScriptedEngine

ABOUT = {"variant": "Q4_K", "run": 1, "model_sha256": None, "beside": None}


class Kept:
    """A sink that remembers."""

    def __init__(self):
        self.records = []

    def record(self, kind, data, arrays=None):
        self.records.append((kind, data, arrays))
        return f"r{len(self.records)}"


class Quiet:
    """A host on which nothing happens, with an engine process of growing memory."""

    shared_source = "not read"

    def __init__(self):
        self.size = 1000

    def busy_s(self):
        return 0.0

    def own_s(self, pids):
        return 0.0

    def resident_bytes(self, pid):
        self.size += 1
        return self.size

    def shared_bytes(self):
        return 5


def terms(**changes):
    values = {
        "options": LoadOptions(n_ctx=512, n_streams=4),
        "texts": ("a text of some words", "another one"),
        "prompt_tokens": 8,
        "tokens": 16,
        "requests": 10,
        "seconds": None,
        "level_seconds": 1.0,
        "load_deadline_s": 60,
        "request_deadline_s": 60,
        "cores": 2,
        "seed": (1,),
    }
    return LoadTerms(**{**values, **changes})


def measure(scene="steady", level=None, kind="load.run", **changes):
    """What came of one process, and its records of a kind; those of trouble whatever the kind."""
    sink, host = Kept(), Quiet()
    trouble = measure_level(
        lambda listener: ScriptedEngine(SCENES[scene], seed=1, on_progress=listener),
        "a file",
        level or Level(4, MAIN),
        ABOUT,
        terms(**changes),
        watch=Observers(sink, host, host, [], SYSTEM),
    )
    return trouble, [record for record in sink.records if record[0] in {kind, "trouble"}]


def test_the_main_run_is_followed_by_canaries_alone_and_on_all_streams():
    _, records = measure(kind="canary")

    assert [(data["stage"], data["during"]) for _, data, _ in records] == [
        ("reference", "load"),
        ("solo", "load"),
        ("together", "load"),
    ]
    assert {len(data["nonces"]) for _, data, _ in records} == {4}
    assert all((arrays["status"] == 200).all() for _, _, arrays in records)
    assert (records[0][2]["ids"] == records[1][2]["ids"]).all()


@pytest.mark.parametrize(
    ("level", "about"), [(Level(4), {}), (Level(4, MAIN), {"beside": "llama-server"}), (Level(4, MAIN), {"run": 3})]
)
def test_no_canary_is_asked_of_another_level_or_of_an_engine_beside(level, about):
    assert not sings(level, {**ABOUT, **about})
    assert sings(Level(4, MAIN), {**ABOUT, "run": 1})


def test_the_record_says_what_was_asked_and_what_came():
    trouble, [(kind, data, arrays)] = measure()

    assert trouble is None
    assert kind == "load.run"
    assert (data["target"], data["part"], data["streams"], data["run"], data["beside"]) == (
        "in process",
        "main",
        4,
        1,
        None,
    )
    assert data["requests"] == 10
    assert data["finish_reasons"] == ["length"]
    assert data["cost"]["steps"] > 0
    assert data["devices"]["before"][0]["backend"] == "scripted"
    assert arrays["offsets"].tolist() == list(range(0, 161, 16))
    assert arrays["stamps_ns"].size == arrays["token_ids"].size == 160
    assert arrays["prompt_tokens"].tolist() == [8] * 10


def test_a_request_ends_with_its_last_token_and_its_reason():
    _, [(_, data, arrays)] = measure("eos")

    assert arrays["ended_ns"].tolist() == arrays["stamps_ns"][arrays["offsets"][1:] - 1].tolist()
    assert [data["finish_reasons"][i] for i in arrays["finish"]] == ["stop"] * 10


def test_after_the_time_no_request_begins_and_running_ones_finish():
    _, [(_, data, arrays)] = measure(level=Level(4), seconds=1.0, requests=1000)

    assert 10 < data["requests"] < 1000
    assert data["finish_reasons"] == ["length"]
    began = arrays["submitted_ns"].min()
    assert arrays["submitted_ns"].max() < began + 10**9
    assert arrays["ended_ns"].max() > began + 10**9


def test_memory_is_read_after_loading_and_at_the_end():
    _, [(_, data, arrays)] = measure()

    assert arrays["memory_resident"].size >= 2
    assert data["memory"]["resident_bytes"] == arrays["memory_resident"][-1]


def test_streams_are_busy_from_the_start_to_the_last_requests():
    _, [(_, _, arrays)] = measure()

    assert (arrays["submitted_ns"][:4] == arrays["submitted_ns"][0]).all()
    assert np.unique(arrays["submitted_ns"]).size > 2


@pytest.mark.parametrize(("scene", "kind"), [("crash", "EngineCrashed"), ("hang", "EngineHung")])
def test_trouble_is_kept_with_the_level_and_the_time_it_took(scene, kind):
    trouble, [(recorded, data, _)] = measure(scene)

    assert type(trouble).__name__ == kind
    assert recorded == "trouble"
    assert (data["during"], data["type"], data["streams"], data["run"]) == ("load.run", kind, 4, 1)
    assert data["elapsed_s"] >= 0


def test_a_run_by_time_has_requests_for_the_fastest_stream():
    assert requests_for(2.0, streams=4, tokens=256) == 4 * 16
    assert requests_for(0.001, streams=4, tokens=256) == 8


def test_a_main_run_may_take_each_request_its_deadline_in_turn():
    assert terms(requests=10).run_deadline_s == 3 * 60
    assert terms(seconds=5.0).run_deadline_s == 65
