"""Success criterion: the memory leak test is passed, 48 h VRAM stability."""

import pytest

pytestmark = [pytest.mark.phase2, pytest.mark.soak]


@pytest.mark.sla("P2-SOAK-DRIFT")
def test_memory_does_not_drift(soak, sla):
    """The common slope of all process lives, carried over the whole soak."""
    assert soak.memory_drift in sla["P2-SOAK-DRIFT"]


@pytest.mark.sla("P2-SOAK-HOURLY")
def test_no_hours_floor_leaves_the_first_hours(soak, sla):
    """The lower tenth of each hour stays near that of the first hour of its life."""
    assert soak.memory_floor in sla["P2-SOAK-HOURLY"]


@pytest.mark.sla("P2-SOAK-DELTA")
def test_memory_stays_inside_its_total_delta(soak, sla):
    """Over all process lives: what a driver keeps after a restart counts too."""
    assert soak.memory_delta <= sla["P2-SOAK-DELTA"]


@pytest.mark.sla("P2-SOAK-VRAM")
def test_memory_stays_inside_the_sla_for_two_days(soak, sla):
    """The most that any sample shows."""
    assert soak.memory <= sla["P2-SOAK-VRAM"]
