"""The matrix is the minimum, and each rule adds processes until it has its n."""

from pytest_rawrxd.measure.cells import needed_cells
from pytest_rawrxd.measure.decode import Cell
from pytest_rawrxd.profile import load_profile

PROFILE = load_profile("rx7800xt")


def cells(*identifiers):
    return needed_cells(PROFILE, [PROFILE.criteria[identifier] for identifier in identifiers])


def test_a_floor_needs_seven_and_an_equivalence_ten():
    assert cells("SLA-TPS-GUARANTEE") == {Cell("Q4_K", 256): 7}
    assert cells("SLA-TPS-GUARANTEE", "P1-TPS-Q4_K") == {Cell("Q4_K", 256): 10}


def test_cells_come_in_the_order_of_the_profile():
    found = cells("P1-TPS-Hybrid", "P1-TPS-Q8_0", "P1-TPS-Q2_K")

    assert [cell.variant for cell in found] == ["Q2_K", "Q8_0", "Hybrid"]


def test_what_is_not_about_a_cell_needs_none():
    assert cells("P2-LAT-P95", "P3-RELEASE") == {}


def test_what_a_rehearsal_excuses_is_not_measured():
    embedded = load_profile("embedded")

    assert needed_cells(embedded, [embedded.criteria["P1-TPS-Q2_K"]]) == {}
