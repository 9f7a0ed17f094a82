"""The device over two days, and the records that a person reads of them."""

import pytest

pytestmark = [pytest.mark.phase2, pytest.mark.soak]


@pytest.mark.sla("P2-SOAK-TEMP")
def test_the_card_stays_cool_for_two_days(soak, sla):
    """The hottest minute of all bursts."""
    assert soak.temperature <= sla["P2-SOAK-TEMP"]


@pytest.mark.sla("P2-SOAK-UTIL")
def test_the_gpu_is_busy_in_the_bursts(soak, sla):
    """The mean of its utilisation in loaded minutes."""
    assert soak.utilisation in sla["P2-SOAK-UTIL"]


@pytest.mark.sla("P2-SOAK-PRESSURE")
def test_memory_pressure_is_recorded(soak, sla):
    """Or the record says why it cannot be had."""
    assert soak.record("memory_pressure") == sla["P2-SOAK-PRESSURE"]


@pytest.mark.sla("P2-SOAK-CHECKPOINTS")
def test_there_is_a_checkpoint_every_hour(soak, sla):
    """Each with one line for a person."""
    assert soak.record("checkpoints") == sla["P2-SOAK-CHECKPOINTS"]


@pytest.mark.sla("P2-SOAK-REVIEW")
def test_there_is_a_review_page_every_day(soak, sla):
    """Each day is closed by one."""
    assert soak.record("daily_review") == sla["P2-SOAK-REVIEW"]


@pytest.mark.sla("P2-REPORT-SOAK")
def test_the_stability_test_is_reported(soak, sla):
    """The report finds every figure in the evidence."""
    assert soak.output("stability_48h") == sla["P2-REPORT-SOAK"]
