"""Phase 1 on the real engine: two variants of a model of random numbers, made and measured in seconds."""

from dataclasses import replace
from importlib.util import find_spec

import psutil
import pytest

from pytest_rawrxd.places import package_data
from pytest_rawrxd.rig.engine.handle import ChildEngine
from pytest_rawrxd.rig.models.cache import Cache
from pytest_rawrxd.rig.models.ladder import ModelsSpec, prepare_models

pytestmark = pytest.mark.skipif(find_spec("llama_cpp") is None, reason="the engine of the rehearsal is not installed")

PROFILE = """
title = "two variants of a tiny model"
kind = "rehearsal"
extends = "embedded"

[models]
variants = ["Q2_K", "Q8_0"]

[protocol.phase1]
min_duration = "0.05 s"
warm_up_requests = 1

[protocol.phase1.matrix]
Q2_K = ["64x2"]
Q8_0 = ["64x2"]

[protocol.phase1.processes]
floor = 3
peak = 2

[protocol.bandwidth]
duration = "0.2 s"

[protocol.phase2]
variant = "Q2_K"

[criteria.P1-MATRIX]
at_least = 2

[criteria.SLA-TPS-GUARANTEE]
where = { variant = "Q2_K", tokens = 64 }
"""
GUARANTEE = """
import pytest

@pytest.mark.phase1
@pytest.mark.sla("SLA-TPS-GUARANTEE")
def test_guarantee(decode, sla):
    assert decode(variant="Q2_K").throughput >= sla["SLA-TPS-GUARANTEE"]
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    cache = Cache(tmp_path_factory.mktemp("cache"))
    return prepare_models(ModelsSpec("synthetic:tiny", ("Q2_K", "Q8_0")), cache=cache, progress=lambda _: None).models


@pytest.fixture
def phase1(acceptance, models):
    """A session on a folder with both variants."""
    acceptance.write_profile(base=PROFILE)
    acceptance.write_test(GUARANTEE)
    for name in ("test_performance_matrix.py", "test_peak_variant.py", "test_bandwidth_bottleneck.py"):
        text = (package_data("acceptance") / "phase1" / name).read_text(encoding="utf-8")
        acceptance.write_test(text, name)
    folder = acceptance.pytester.mkdir("models")
    for variant, model in models.items():
        folder.joinpath(f"tiny-{variant}.gguf").write_bytes(model.path.read_bytes())
    return acceptance


def run(phase1, *arguments):
    phase1.run("--sla-models", "models", *arguments, engine="llama-cpp-python")
    return {identifier: entry["verdict"] for identifier, entry in phase1.verdicts().items()}


def test_two_variants_are_measured_compared_and_proven(phase1):
    found = run(phase1)

    kept = ("P1-MATRIX", "P1-PEAK", "P1-CHAMPION", "P1-TABLE", "P1-STATS", "P1-BW-SUSTAINED", "P1-BW-VRAM")
    assert {identifier: found[identifier] for identifier in kept} == dict.fromkeys(kept, "PASS")
    assert found["P1-BOTTLENECK"] == "INVALID"  # a line with an error needs three variants
    runs = phase1.records("decode.run")
    assert {(entry["data"]["variant"], entry["data"]["process"]) for entry in runs} == {
        *(("Q2_K", process) for process in (1, 2, 3)),
        *(("Q8_0", process) for process in (1, 2)),
    }
    assert all(entry["data"]["memory"]["resident_bytes"] > 10**7 for entry in runs)
    assert [entry["data"]["variant"] for entry in phase1.records("bandwidth.run")] == ["Q8_0"]


def test_weights_of_0xff_make_their_variant_invalid_and_no_other(phase1):
    path = phase1.pytester.path / "models" / "tiny-Q8_0.gguf"
    whole = bytearray(path.read_bytes())
    whole[-4096:-2048] = b"\xff" * 2048
    path.write_bytes(whole)

    found = run(phase1)

    # Whether the guarantee is proven, the machine's other work decides; that it was measured, the broken file does not.
    measured = [(entry["data"]["variant"], entry["data"]["process"]) for entry in phase1.records("decode.run")]
    assert measured == [("Q2_K", process) for process in (1, 2, 3)]
    assert phase1.verdicts()["SLA-TPS-GUARANTEE"]["estimate"] > 0
    assert found["P1-MATRIX"] == "INVALID"
    assert "Q8_0: process 1: the engine refused the model" in phase1.verdicts()["P1-MATRIX"]["reason"]
    # One refusal is enough: another process would hear the same.
    troubles = [entry["data"] for entry in phase1.records("trouble")]
    assert [(trouble["variant"], trouble["during"]) for trouble in troubles] == [
        ("Q8_0", "decode.run"),
        ("Q8_0", "bandwidth.run"),
    ]
    assert any("invalid" in line for line in troubles[0]["log_tail"])


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="this system limits no running process")
def test_memory_that_one_variant_exhausts_makes_it_invalid_and_no_other(phase1, monkeypatch):
    """A context of 8 GiB in a process that may have 6 GiB more: far more than threads that check a model reserve."""
    load = ChildEngine.load

    def short_of_memory(engine, model, options, *, deadline_s):
        if "Q8_0" in model.name:
            process = psutil.Process(engine.pid)
            room = process.memory_info().vms + (6 << 30)
            process.rlimit(psutil.RLIMIT_AS, (room, room))
            options = replace(options, n_ctx=8 << 20)
        return load(engine, model, options, deadline_s=deadline_s)

    monkeypatch.setattr(ChildEngine, "load", short_of_memory)

    found = run(phase1)

    measured = [(entry["data"]["variant"], entry["data"]["process"]) for entry in phase1.records("decode.run")]
    assert sorted(measured) == [("Q2_K", process) for process in (1, 2, 3)]
    assert phase1.verdicts()["SLA-TPS-GUARANTEE"]["estimate"] > 0
    assert found["P1-MATRIX"] == "INVALID"
    assert "Q8_0: process 1: the engine refused a context of 8388608 cells" in phase1.verdicts()["P1-MATRIX"]["reason"]
    troubles = [entry["data"] for entry in phase1.records("trouble")]
    assert {trouble["variant"] for trouble in troubles} == {"Q8_0"}
    told = " ".join([troubles[0]["what"], str(troubles[0]["found"]), *troubles[0]["log_tail"]])
    assert "insufficient memory" in told, told


def test_a_missing_variant_is_not_measured_and_the_largest_takes_the_sustained_test(phase1):
    (phase1.pytester.path / "models" / "tiny-Q8_0.gguf").unlink()

    found = run(phase1)

    assert found["P1-MATRIX"] == "NOT MEASURED"
    assert "no file of this variant in models" in phase1.verdicts()["P1-MATRIX"]["reason"]
    assert found["P1-BW-SUSTAINED"] == "PASS"
    assert [entry["data"]["variant"] for entry in phase1.records("bandwidth.run")] == ["Q2_K"]
    assert phase1.records("trouble") == []
