"""What each lane measures: production's variant on every card, comparisons on one, the rest spread."""

import pytest

from pytest_rawrxd.measure.cells import needed_cells
from pytest_rawrxd.measure.decode import REFERENCE, Cell
from pytest_rawrxd.measure.shares import Scope, lane_of, needs_quiet, place, references, scope, share
from pytest_rawrxd.profile import load_profile

VARIANTS = ("Q2_K", "Q4_K", "Q5_K_M", "Q6_K", "Q8_0", "Hybrid")


@pytest.fixture(scope="module")
def roadmap():
    return load_profile("rx7800xt")


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        ("P2-LAT-P95", Scope.EACH),
        ("P2-SOAK-DRIFT", Scope.EACH),
        ("P2-REPORT-LOAD", Scope.EACH),
        ("P2-LOSS", Scope.EACH),
        ("SLA-TPS-GUARANTEE", Scope.EACH),
        ("P1-VRAM-Q4_K", Scope.EACH),
        ("P1-BW-TEMP", Scope.EACH),
        ("P1-BW-SUSTAINED", Scope.EACH),
        ("P1-TPS-Q2_K", Scope.PLACED),
        ("P1-VRAM-Q8_0", Scope.PLACED),
        ("P1-PEAK", Scope.FIRST),
        ("P1-CHAMPION", Scope.FIRST),
        ("P1-BOTTLENECK", Scope.FIRST),
        ("P1-BW-REPORT", Scope.FIRST),
        ("P1-SPEEDUP", Scope.FIRST),
        ("P1-TPS-CPU", Scope.FIRST),
        ("P1-MATRIX", Scope.HOST),
        ("P1-CURVES", Scope.HOST),
        ("P1-DATA", Scope.HOST),
        ("P2-ALERTS", Scope.HOST),
        ("SLA-MAINTENANCE", Scope.HOST),
    ],
)
def test_a_promise_holds_where_it_means_something(roadmap, criterion, expected):
    assert scope(roadmap, roadmap.criteria[criterion]) is expected


def test_every_promise_of_phase_3_is_about_the_run_as_a_whole(roadmap):
    assert {scope(roadmap, each) for each in roadmap.criteria.values() if each.phase == 3} == {Scope.HOST}


def test_what_loads_every_core_or_looks_at_every_lane_comes_last(roadmap):
    quiet = {name for name in ("P1-SPEEDUP", "P1-TPS-CPU", "P1-MATRIX", "P1-PEAK", "P2-LAT-P95", "P1-TPS-Q2_K")
             if needs_quiet(roadmap, roadmap.criteria[name])}  # fmt: skip
    assert quiet == {"P1-SPEEDUP", "P1-TPS-CPU", "P1-MATRIX"}


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_the_lanes_together_measure_all_that_one_would(roadmap, lanes):
    criteria = list(roadmap.criteria.values())
    shares = [share(roadmap, criteria, lane, lanes) for lane in range(lanes)]
    late = references(roadmap, criteria)

    together = {cell: max(each.get(cell, 0) for each in (*shares, late)) for cell in set().union(*shares, late)}
    assert together == needed_cells(roadmap, criteria)
    assert all(cell.kind == REFERENCE for cell in late)
    if lanes > 1:
        assert not any(cell.kind == REFERENCE for each in shares for cell in each), "the others still measure"


def test_variants_are_compared_on_one_card_and_production_is_measured_on_every_card(roadmap):
    first, *others = (share(roadmap, list(roadmap.criteria.values()), lane, 3) for lane in range(3))

    judged = {variant: Cell(variant, 256) for variant in VARIANTS}
    assert all(first[cell] >= 10 for cell in judged.values())
    for other in others:
        assert [name for name, cell in judged.items() if cell in other] == ["Q4_K"]
    # 512 and 1024 tokens stand beside the comparison: each cell on one card, on none twice.
    spread = [cell for each in (first, *others) for cell in each if cell.tokens != 256]
    assert len(spread) == len(set(spread)) == 6
    assert not any(cell.tokens != 256 for cell in first)
    assert all(any(cell.tokens != 256 for cell in other) for other in others)


def test_without_a_comparison_every_lane_takes_its_share_of_the_variants(roadmap):
    alone = {name: each for name, each in roadmap.criteria.items() if scope(roadmap, each) is not Scope.FIRST}
    plain = roadmap.model_copy(update={"criteria": alone})

    lanes = {variant: place(plain, Cell(variant, 256), 2) for variant in VARIANTS}
    assert lanes == {"Q2_K": 0, "Q4_K": 1, "Q5_K_M": 0, "Q6_K": 1, "Q8_0": 0, "Hybrid": 1}
    assert {lane_of(plain, plain.criteria[f"P1-TPS-{variant}"], 2) for variant in ("Q2_K", "Q5_K_M")} == {0}
    assert lane_of(roadmap, roadmap.criteria["P1-TPS-Q6_K"], 2) == 0, "judged where it is compared"


def test_what_nobody_knows_to_be_of_the_host_has_to_hold_on_every_card(roadmap):
    new = roadmap.criteria["P2-LAT-P95"].model_copy(update={"metric": "own_time", "where": {"name": "cold_start"}})

    assert scope(roadmap, new) is Scope.EACH
