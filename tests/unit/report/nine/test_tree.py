"""Exactly one variant for every workload, or none; never two, and whatever the order of the candidates."""

import itertools

import pytest

from pytest_rawrxd.report.nine.tree import Candidate, Workload, choose

#: latency ms, quality, GB
LADDER = (
    Candidate("Q2_K", 8.9, 0.71, 8.9, partial=False, keeps_guarantee=True),
    Candidate("Q4_K", 12.5, 0.92, 12.9, partial=False, keeps_guarantee=True),
    Candidate("Q5_K_M", 14.6, 0.955, 15.2, partial=False, keeps_guarantee=False),
    Candidate("Q6_K", 19.1, 0.978, 16.1, partial=True, keeps_guarantee=False),
    Candidate("Q8_0", 21.3, 0.994, 16.2, partial=True, keeps_guarantee=False),
    Candidate("Hybrid", 10.4, None, 10.7, partial=False, keeps_guarantee=True),
)
EDGES = sorted({edge + step for each in LADDER for edge in [each.latency_ms] for step in (-0.01, 0, 0.01)})
QUALITIES = (None, 0.0, 0.71, 0.7101, 0.92, 0.95, 0.955, 0.978, 0.994, 1.0)
MEMORIES = (None, 1.0, 8.9, 8.91, 10.7, 12.9, 15.2, 16.2, 40.0)


@pytest.mark.parametrize("prefer", ["quality", "speed", "memory"])
@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("guarantee", [False, True])
def test_every_workload_of_the_grid_has_one_answer_that_holds_its_bounds(prefer, partial, guarantee):
    answered = unanswered = 0
    for latency, quality, memory in itertools.product((None, *EDGES), QUALITIES, MEMORIES):
        asked = Workload(latency, quality, memory, guarantee, partial, prefer)
        found = choose(LADDER, asked)
        assert found.variant is None or isinstance(found.variant, str)
        assert set(found.qualified) | set(found.refused) == {each.name for each in LADDER}
        assert not set(found.qualified) & set(found.refused)
        if found.variant is None:
            unanswered += 1
            assert found.qualified == ()
            continue
        answered += 1
        chosen = next(each for each in LADDER if each.name == found.variant)
        assert latency is None or chosen.latency_ms <= latency
        assert quality is None or (chosen.quality is not None and chosen.quality >= quality)
        assert memory is None or chosen.vram_gb <= memory
        assert partial or not chosen.partial
        assert not guarantee or chosen.keeps_guarantee
        able = [each for each in LADDER if each.name in found.qualified]
        best = {
            "quality": max(each.quality or 0 for each in able) == chosen.quality,
            "speed": min(each.latency_ms for each in able) == chosen.latency_ms,
            "memory": min(each.vram_gb for each in able) == chosen.vram_gb,
        }
        assert best[prefer], (asked, found)
    assert answered
    assert unanswered


def test_the_order_of_the_candidates_plays_no_part():
    asked = Workload(latency_ms=15, prefer="speed")

    assert {choose(order, asked).variant for order in itertools.permutations(LADDER)} == {"Q2_K"}


@pytest.mark.parametrize(
    ("second", "chosen"),
    [
        (Candidate("B", 9.0, 0.9, 10.0, partial=False, keeps_guarantee=True), "B"),  # the faster one
        (Candidate("B", 10.0, 0.9, 9.0, partial=False, keeps_guarantee=True), "B"),  # the smaller one
        (Candidate("B", 10.0, 0.9, 10.0, partial=False, keeps_guarantee=True), "A"),  # the first name
        (Candidate("B", 10.0, 0.91, 99.0, partial=False, keeps_guarantee=True), "B"),  # what is preferred goes first
    ],
)
def test_a_tie_is_broken_by_the_stated_rules(second, chosen):
    first = Candidate("A", 10.0, 0.9, 10.0, partial=False, keeps_guarantee=True)

    assert choose((first, second), Workload()).variant == chosen
    assert choose((second, first), Workload()).variant == chosen


def test_what_was_not_measured_holds_no_bound():
    unknown = Candidate("A", None, None, None, partial=False, keeps_guarantee=False)

    for asked in (Workload(latency_ms=1e9), Workload(quality=0.0), Workload(vram_gb=1e9), Workload(prefer="speed")):
        found = choose((unknown,), asked)
        assert found.variant is None
        assert "was not measured" in found.refused["A"]


def test_without_candidates_none_qualifies():
    assert choose((), Workload()).variant is None
