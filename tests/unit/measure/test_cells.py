"""The matrix is the minimum, and each rule adds processes until it has its n."""

import pytest

from pytest_rawrxd.measure.cells import needed_cells, needs_bandwidth_test, needs_quality
from pytest_rawrxd.measure.decode import REFERENCE, Cell
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


@pytest.mark.parametrize("identifier", ["P1-MATRIX", "P1-TABLE", "P1-STATS"])
def test_the_matrix_needs_every_cell_that_is_listed(identifier):
    found = cells(identifier)

    assert found[Cell("Q4_K", 1024)] == 2
    assert found[Cell("Q8_0", 256)] == 3
    assert sum(found.values()) == 10 + 10 + 8 + 8 + 3 + 5


@pytest.mark.parametrize("identifier", ["P1-PEAK", "P1-CHAMPION", "P1-BOTTLENECK", "P1-BW-REPORT"])
def test_a_comparison_needs_ten_rounds_of_every_variant(identifier):
    assert cells(identifier) == {Cell(variant, 256): 10 for variant in PROFILE.models.variants}


@pytest.mark.parametrize(("identifier", "variant"), [("P1-VRAM-Q8_0", "Q8_0"), ("P1-OFFLOAD", "Q4_K")])
def test_a_property_of_a_variant_needs_its_judged_cell(identifier, variant):
    assert list(cells(identifier)) == [Cell(variant, 256)]


@pytest.mark.parametrize("identifier", ["P1-HYBRID", "P1-HYBRID-REPORT"])
def test_the_hybrid_needs_its_cell(identifier):
    assert cells(identifier) == {Cell("Hybrid", 256): 5}


def test_curves_and_decisions_need_each_variant():
    assert set(cells("P1-CURVES")) == set(cells("P1-DECISION")) == {Cell(v, 256) for v in PROFILE.models.variants}


def test_the_cpu_reference_comes_last_and_only_beside_a_gpu():
    assert cells("P1-TPS-CPU") == {Cell("Q4_K", 256, REFERENCE): 5}
    assert list(cells("P1-SPEEDUP", "P1-TPS-Hybrid")) == [
        Cell("Q4_K", 256),
        Cell("Hybrid", 256),
        Cell("Q4_K", 256, REFERENCE),
    ]
    on_cpu = PROFILE.model_copy(update={"target": load_profile("embedded").target})
    assert needed_cells(on_cpu, [PROFILE.criteria["P1-SPEEDUP"]]) == {Cell("Q4_K", 256): 5}


@pytest.mark.parametrize(
    ("identifier", "needed"),
    [
        ("P1-BW-SUSTAINED", True),
        ("P1-BW-VRAM", True),
        ("P1-BW-REPORT", True),
        ("P1-VRAM-Q8_0", False),
        ("SLA-VRAM", False),
    ],
)
def test_who_needs_the_sustained_test(identifier, needed):
    assert needs_bandwidth_test([PROFILE.criteria[identifier]]) is needed
    assert not cells("P1-BW-SUSTAINED", "P1-BW-VRAM")


@pytest.mark.parametrize(
    ("identifier", "needed"), [("P1-DECISION", True), ("P1-HYBRID-REPORT", True), ("P1-TABLE", False)]
)
def test_who_needs_quality(identifier, needed):
    assert needs_quality([PROFILE.criteria[identifier]]) is needed
