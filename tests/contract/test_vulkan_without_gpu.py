"""The real Vulkan path on a CPU: Mesa's lavapipe as the device, a tiny model, everything else as on a card.

Debian's ``mesa-vulkan-drivers`` has the driver; ggml leaves a CPU device out unless ``GGML_VK_VISIBLE_DEVICES`` names
it. Its memory counter never moves, so that nothing about memory is asked here.
"""

import importlib.util
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.run import run_load
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine
from pytest_rawrxd.rig.engine.protocol import LoadOptions, Request
from pytest_rawrxd.rig.models.synthetic import Shape, write_synthetic
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.found import find_server
from pytest_rawrxd.rig.server.program import PACKAGE
from pytest_rawrxd.rig.server.served import serve

DRIVERS = [
    path
    for folder in ("/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d")
    for path in sorted(Path(folder).glob("lvp_icd*.json"))
]
if not DRIVERS:
    pytest.skip("no lavapipe driver (Debian: mesa-vulkan-drivers)", allow_module_level=True)
ENVIRON = {**os.environ, "VK_DRIVER_FILES": str(DRIVERS[0]), "GGML_VK_VISIBLE_DEVICES": "0"}
LIBRARIES = os.environ.get("LLAMA_CPP_LIB_PATH", "")
STREAMS, TOKENS = 2, 12
OPTIONS = LoadOptions(n_ctx=256, n_streams=STREAMS, n_gpu_layers=99, n_threads=1, prefill_chunk=8)


@pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is None, reason="the extra [server] is not installed")
def test_a_server_offloads_every_layer_to_the_vulkan_device_and_answers_as_on_the_cpu(tmp_path):
    # Every token that it can generate is printable: a server answers 500 on invalid UTF-8.
    model = tmp_path / "printable.gguf"
    write_synthetic(model, Shape("small", 2, 256, 4, 4, 512, 512, 1024))
    found = find_server("llama-server", environ=ENVIRON, on_cpu=False)
    assert [device.backend for device in found.devices] == ["vulkan"]
    assert found.info.backend == "vulkan"
    assert "llvmpipe" in found.info.device

    with serve(found, model, OPTIONS, environ=ENVIRON, deadline_s=240) as server:
        answers = answered(server)

        assert server.info.backend == "vulkan"
        assert server.load["layers_offloaded"] == server.load["layers_total"] > 0
        assert any("llvmpipe" in line for line in server.log)
    on_cpu = find_server("llama-server", environ=ENVIRON, on_cpu=True)
    with serve(on_cpu, model, replace(OPTIONS, n_gpu_layers=0), environ=ENVIRON, deadline_s=60) as server:
        expected = answered(server)
        assert server.info.backend == "cpu"
    # Only the first: behind a tie within rounding, two devices may go on differently, and rightly so.
    assert {number: ids[0] for number, ids in answers.items()} == {number: ids[0] for number, ids in expected.items()}


def answered(server) -> dict[int, tuple[int, ...]]:
    """Request -> its token ids, each as long as asked for; one stream, because neighbours change the last bits."""
    plan = LoadPlan(server.target, ClosedLoop(1), ("the sea",), requests=4, max_tokens=TOKENS, deadline_s=200)
    arrays = run_load(plan, environ=os.environ).arrays
    server.check()
    assert arrays.failure.tolist() == [Failure.NONE] * 4
    ids = [tuple(part.tolist()) for part in np.split(arrays.token_ids, arrays.id_offsets[1:-1])]
    assert {len(part) for part in ids} == {TOKENS}
    return dict(zip(arrays.number.tolist(), ids, strict=True))


@pytest.mark.skipif(
    not list(Path(LIBRARIES or "/nowhere").glob("*ggml-vulkan*")),
    reason="LLAMA_CPP_LIB_PATH names no llama.cpp with Vulkan",
)
def test_the_engine_in_process_decodes_on_the_vulkan_device(tiny_model):
    with open_engine("llama-cpp-python", EngineSetup(environ=ENVIRON)) as engine:
        report = engine.load(tiny_model, OPTIONS, deadline_s=240)
        requests = [Request([1, 2 + number], TOKENS, id=str(number)) for number in range(2 * STREAMS)]
        answers = engine.generate(requests, deadline_s=240)

    assert engine.info.backend == "vulkan"
    assert report.layers_offloaded == report.layers_total > 0
    assert [answer.finish_reason for answer in answers] == ["length"] * 2 * STREAMS
