"""The device under load: memory that stays, a GPU that is busy and cool."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.sla("P2-VRAM-LOAD")
def test_memory_is_stable_under_load(load_test, sla):
    """From the end of the warm-up to the end of a run, the memory of a process stays where it is."""
    assert load_test.memory_delta <= sla["P2-VRAM-LOAD"]


@pytest.mark.sla("SLA-VRAM")
def test_memory_in_normal_operation_stays_inside_the_sla(load_test, sla):
    """Weights, cache of all streams and buffers together."""
    assert load_test.memory <= sla["SLA-VRAM"]


@pytest.mark.sla("P2-UTIL", "SLA-UTIL")
def test_the_gpu_is_busy_under_load(load_test, sla):
    """Its utilisation lies inside the band of the SLA."""
    assert load_test.utilisation in sla["P2-UTIL"]
    assert load_test.utilisation in sla["SLA-UTIL"]


@pytest.mark.sla("SLA-TEMP")
def test_the_card_stays_cool_under_load(load_test, sla):
    """Sustained temperature of the card."""
    assert load_test.temperature <= sla["SLA-TEMP"]
