"""What is promised about llama.cpp on this computer's processor."""

import pytest

pytestmark = pytest.mark.phase1


@pytest.mark.sla("SLA-TPS-GUARANTEE")
def test_nobody_waits_long_for_a_text(decode, sla):
    assert decode(variant="Q4_K").throughput >= sla["SLA-TPS-GUARANTEE"]


@pytest.mark.sla("P1-MATRIX")
def test_both_models_are_measured(ladder, sla):
    assert ladder.variants_measured >= sla["P1-MATRIX"]


@pytest.mark.sla("P1-BW-SUSTAINED")
def test_it_goes_on_without_a_break(bandwidth_test, sla):
    assert bandwidth_test.duration >= sla["P1-BW-SUSTAINED"]
