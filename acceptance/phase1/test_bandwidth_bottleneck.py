"""Success criterion: VRAM bottleneck confirmed with Q8_0 test."""

import pytest

pytestmark = pytest.mark.phase1


@pytest.mark.sla("P1-BOTTLENECK")
def test_memory_bandwidth_is_the_bottleneck(ladder, sla):
    """The time per token grows with the bytes that a token reads, and Q8_0 uses most of the bandwidth."""
    assert ladder.bottleneck("Q8_0") == sla["P1-BOTTLENECK"]


@pytest.mark.sla("P1-BW-SUSTAINED")
def test_one_stream_runs_for_minutes_without_a_break(bandwidth_test, sla):
    """The sustained test of the largest variant that fits."""
    assert bandwidth_test.duration >= sla["P1-BW-SUSTAINED"]


@pytest.mark.sla("P1-BW-VRAM")
def test_the_sustained_test_stays_inside_the_card(bandwidth_test, sla):
    """No more memory than the card has."""
    assert bandwidth_test.memory <= sla["P1-BW-VRAM"]


@pytest.mark.sla("P1-BW-TEMP")
def test_the_card_stays_cool_in_the_sustained_test(bandwidth_test, sla):
    """The temperature of the SLA holds for one stream too."""
    assert bandwidth_test.temperature <= sla["P1-BW-TEMP"]


@pytest.mark.sla("P1-BW-UTIL")
def test_the_gpu_is_busy_in_the_sustained_test(bandwidth_test, sla):
    """Informative: a single stream keeps the GPU as busy as expected."""
    assert bandwidth_test.utilisation in sla["P1-BW-UTIL"]


@pytest.mark.sla("P1-BW-REPORT")
def test_the_bandwidth_analysis_is_complete(output, sla):
    """Bytes per token, time per token and bandwidth of every variant, and the sustained test."""
    assert output("bandwidth_analysis") == sla["P1-BW-REPORT"]
