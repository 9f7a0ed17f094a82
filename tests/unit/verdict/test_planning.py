"""Plans are made of the numbers that the rules decide with."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.histogram import record
from pytest_rawrxd.profile import Profile, load_profile
from pytest_rawrxd.verdict.equivalence import equivalence
from pytest_rawrxd.verdict.exceedance import share_bounds
from pytest_rawrxd.verdict.floor import floor
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.planning import DRILL, LEVELS, LOAD, SINGLE, SOAK, plan, process_seconds
from pytest_rawrxd.verdict.quantile import quantile
from pytest_rawrxd.verdict.sample_size import (
    drift_hours,
    largest_cv,
    leak_seen,
    mean_half_width,
    values_at_share,
    values_without_exceedance,
)

ROADMAP = load_profile("rx7800xt")


def spread(runs: int, cv: float) -> np.ndarray:
    """Runs whose mean is 1 and whose coefficient of variation is exactly ``cv``."""
    values = np.resize([1.0, -1.0], runs) - np.resize([1.0, -1.0], runs).mean()
    return 1 + cv * values / values.std(ddof=1)


@pytest.mark.parametrize(("allowed", "values"), [(0.4, 6), (0.04, 74), (0.008, 373)])
def test_the_fewest_values_are_where_zero_exceedances_just_prove_the_share(allowed: float, values: int) -> None:
    assert math.ceil(values_without_exceedance(allowed)) == values
    assert share_bounds(0.0, values)[1] <= allowed < share_bounds(0.0, values - 1)[1]


def test_with_half_of_the_allowed_share_more_values_are_needed() -> None:
    needed = values_at_share(0.025, 0.04)

    assert share_bounds(0.025, needed)[1] == pytest.approx(0.04, rel=1e-6)
    assert needed > values_without_exceedance(0.04)


@pytest.mark.parametrize("share", [0.0, 0.04, 0.05])
def test_a_share_at_or_above_the_acceptance_is_never_proven(share: float) -> None:
    with pytest.raises(EvidenceProblem, match="no sample proves"):
        values_at_share(share, 0.04)


def test_the_largest_variation_is_where_the_band_is_just_kept() -> None:
    cv = largest_cv(0.02, 10)

    assert cv == pytest.approx(0.0345, abs=1e-4)
    for factor, verdict in ((0.999, Verdict.PASS), (1.001, Verdict.INCONCLUSIVE)):
        found = equivalence(spread(10, factor * cv), limits=(0.98, 1.02))
        assert found.verdict is verdict


def test_a_floor_is_kept_from_where_the_plan_says() -> None:
    above = 0.001645 + mean_half_width(0.01, 7)

    assert above == pytest.approx(0.009, abs=1e-4)
    values = spread(7, 0.01)
    kept = values / (1 - mean_half_width(0.01, 7)) * 1.001645
    assert floor(1.00001 * kept, limit=0.98 * 1.0).verdict is Verdict.PASS
    assert floor(1.00001 * kept, limit=1.0, min_runs=5).lower >= 1.001645


def test_a_planned_sample_passes_by_the_rule_itself() -> None:
    """As many independent values as the plan asks for, none of them above the bound: PASS; far fewer: not."""
    for values, verdict in ((80, Verdict.PASS), (60, Verdict.INCONCLUSIVE)):
        gaps = np.linspace(10e6, 11e6, values * 100).astype(np.int64)
        gaps = np.random.default_rng(1).permutation(gaps)
        histogram = record(gaps, block=np.arange(gaps.size) // (gaps.size // 10), bounds_ns=[50_000_000])
        assert quantile(histogram, quantile=0.95, bound=50.0, steps=values).verdict is verdict


def test_pages_set_the_shortest_process_life() -> None:
    assert drift_hours(50.0, horizon_hours=48.0, page_mb=2.097152) == pytest.approx(2.0133, abs=1e-4)
    assert leak_seen(11.25, page_mb=2.097152) == pytest.approx(0.186, abs=1e-3)
    with pytest.raises(EvidenceProblem):
        drift_hours(0.0, horizon_hours=48.0, page_mb=2.0)


def test_a_process_generates_whole_requests_and_long_enough() -> None:
    assert process_seconds(256, 80.0, requests=2, least_s=30.0) == pytest.approx(10 * 3.2)
    assert process_seconds(1024, 80.0, requests=2, least_s=10.0) == pytest.approx(2 * 12.8)
    assert process_seconds(256, 64.0, requests=1, least_s=8.0) == pytest.approx(8.0)
    assert process_seconds(256, None, requests=2, least_s=30.0) == 30.0


def activities(profile: Profile) -> dict[tuple[int, str], object]:
    return {(each.phase, each.name): each for each in plan(profile).activities}


def test_the_hours_of_the_roadmap() -> None:
    found = activities(ROADMAP)

    assert found[1, SINGLE].starts == 10 * 6 + (3 + 2) * 2 + 3 * 2 + 5
    assert found[2, LOAD].hours == pytest.approx(10_000 * 256 / (12 / 0.0175) / 3600)
    assert found[2, LEVELS].hours == pytest.approx(7 * 5 * 2 / 60)
    assert found[2, SOAK].hours == 48
    assert found[2, SOAK].starts == 4
    # Ten minutes of control; 210 s to the alert on a slow server, 65 s on one that is down; each forgotten in 3 min.
    assert found[2, DRILL].hours == pytest.approx((600 + 210 + 2 * 65 + 3 * 180) / 3600)
    assert found[2, DRILL].starts == 1
    assert plan(ROADMAP).hours(3) == 0
    assert plan(ROADMAP).phases == (1, 2, 3)


def test_the_drill_needs_a_control_and_an_alert_for_each_fault_before_its_budget_is_spent() -> None:
    claim = activities(ROADMAP)[2, DRILL].claims[0]

    assert claim.criteria == ("P2-ALERTS",)
    assert claim.needs == (
        "10 min without an alert, then a server that is slowed, frozen and killed; down: alerts take up to 1.083 min, "
        "the SLA forgives 2 min; slow: alerts take up to 3.5 min, the SLA forgives 7.2 h"
    )
    bare = ROADMAP.model_copy(update={"protocol": ROADMAP.protocol.model_copy(update={"monitoring": None})})
    assert activities(bare)[2, DRILL].at_least
    assert "without which nothing is watched" in activities(bare)[2, DRILL].claims[0].needs


def test_hours_without_an_expected_speed_are_a_minimum() -> None:
    assert activities(load_profile("embedded"))[1, SINGLE].at_least
    assert not activities(ROADMAP)[1, SINGLE].at_least


@pytest.mark.parametrize("name", ["rx7800xt", "production", "embedded"])
def test_every_applicable_criterion_stands_in_exactly_one_claim(name: str) -> None:
    profile = load_profile(name)
    claimed = [
        criterion for activity in plan(profile).activities for claim in activity.claims for criterion in claim.criteria
    ]

    assert sorted(claimed) == sorted(key for key, value in profile.criteria.items() if value.not_applicable is None)


def test_every_kind_with_a_sample_says_what_a_shorter_run_cannot_claim() -> None:
    exact = {"range", "fact", "count", "declaration"}
    for activity in plan(ROADMAP).activities:
        for claim in activity.claims:
            first = ROADMAP.criteria[claim.criteria[0]]
            compared = "rounds" in claim.needs
            assert (claim.shorter is None) is (first.informative or (first.kind in exact and not compared))


def test_a_plan_reckons_with_the_variation_that_the_profile_names(tmp_path) -> None:
    path = tmp_path / "quiet.toml"
    path.write_text('extends = "rx7800xt"\n[gates]\nplanning_variation = "0.5 %"\n', encoding="utf-8")

    needs = {
        profile.name: next(
            claim.needs for part in plan(profile).activities for claim in part.claims if "P2-AGG" in claim.criteria
        )
        for profile in (ROADMAP, load_profile(str(path)))
    }

    assert "at a run-to-run variation of 1 % it is kept from 1.12 % above" in needs["rx7800xt"]
    assert "at a run-to-run variation of 0.5 % it is kept from 0.641 % above" in needs["quiet"]
