"""A promise that the roadmap does not have, beside one that it has."""

import os
import time

import pytest
from pytest_rawrxd.rig.engine.choose import EngineSetup

pytestmark = pytest.mark.phase1


@pytest.mark.sla("SLA-COLD-START")
def test_warp_is_ready_soon(bench, record_quantity, sla):
    """Three cold starts; every one of them is kept as evidence, and the slowest decides."""
    for _ in range(3):
        began = time.perf_counter()
        with bench.rig.open(bench.rig.engine_spec, EngineSetup(environ=os.environ)) as engine:
            engine.devices()
        cold_start = record_quantity("cold_start", time.perf_counter() - began, "s")

    assert cold_start <= sla["SLA-COLD-START"]


@pytest.mark.sla("SLA-TPS-GUARANTEE")
def test_warp_keeps_the_guaranteed_throughput(decode, sla):
    assert decode(variant="Q4_K").throughput >= sla["SLA-TPS-GUARANTEE"]
