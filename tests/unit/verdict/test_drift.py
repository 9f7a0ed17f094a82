"""Memory drift under restarts: planted leaks are caught, clean soaks pass."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.drift import PAGE_MB, Held, drift, hourly_floor, settled, total_delta
from pytest_rawrxd.verdict.outcome import Verdict


def soak(
    *,
    leak: float = 0.0,
    hours: float = 48.0,
    life_hours: float = 12.0,
    noise: float = 3.0,
    seed: int = 0,
    jump: float = 0.0,
) -> Held:
    """Return a soak with samples every 5 minutes, a restart every ``life_hours`` and noise with a memory of an hour."""
    random = np.random.default_rng(seed)
    time = np.arange(0, hours + 1e-9, 1 / 12)
    life = np.minimum(time // life_hours, np.ceil(hours / life_hours) - 1).astype(int)
    shocks = random.normal(0, noise * np.sqrt(1 - 0.92**2), time.size)
    wander = np.zeros(time.size)
    for at in range(1, time.size):
        wander[at] = 0.92 * wander[at - 1] + shocks[at]
    age = time - life * life_hours
    warm_up = 30 * np.exp(-age / 0.1)
    return settled(
        time, 13_000 + random.normal(0, 2, 8)[life] + leak * age + wander - warm_up + jump * (time > 40), life
    )


def test_a_leak_of_five_megabytes_an_hour_fails_although_restarts_reset_it() -> None:
    held = soak(leak=5.0)

    found = drift(held)

    assert found.verdict is Verdict.FAIL
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower < 240 < found.upper
    naive = np.polyfit(held.hours, held.mb, 1)[0] * 48
    assert abs(naive) < 50
    assert total_delta(held).verdict is Verdict.PASS


def test_a_clean_soak_passes_everything() -> None:
    held = soak()

    assert drift(held, weights_mb=6_600).verdict is Verdict.PASS
    assert hourly_floor(held).verdict is Verdict.PASS
    assert total_delta(held).verdict is Verdict.PASS


def test_a_drift_at_its_limit_is_rarely_accepted_and_a_clean_one_mostly() -> None:
    campaigns = 60
    wrong = sum(drift(soak(leak=50 / 48, seed=seed)).verdict is Verdict.PASS for seed in range(campaigns))
    right = sum(drift(soak(noise=1.5, seed=seed)).verdict is Verdict.PASS for seed in range(campaigns))

    assert stats.binomtest(wrong, campaigns, 0.08, alternative="greater").pvalue > 0.01
    assert right >= 0.9 * campaigns


def test_the_interval_is_never_narrower_than_a_page_in_the_longest_life() -> None:
    hours = np.arange(0, 48.01, 1 / 12)
    flat = settled(hours, np.full(hours.size, 13_000.0), np.minimum(hours // 12, 3))

    found = drift(flat)

    assert found.upper == pytest.approx(48 * PAGE_MB / flat.longest)


@pytest.mark.parametrize(("longest", "wide"), [(2.0, True), (2.03, False)])
def test_below_two_hours_a_page_alone_reaches_over_the_limit(longest: float, wide: bool) -> None:
    hours = np.linspace(0, longest, 60)
    flat = Held(hours, np.full(60, 13_000.0), np.zeros(60, int), longest)

    found = drift(flat)

    assert found.upper is not None
    assert (found.upper > 50) is wide
    assert found.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("hours", "verdict"), [(47.5, Verdict.INCONCLUSIVE), (47.92, Verdict.INCONCLUSIVE), (48, Verdict.PASS)]
)
def test_only_the_whole_horizon_passes(hours: float, verdict: Verdict) -> None:
    time = np.arange(0, hours - 1 / 24, 1 / 12)
    found = drift(settled(time, np.full(time.size, 13_000.0), time // 12))

    assert found.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert "MB/h at 95 %" in found.reason.replace("%", " %").replace("  ", " ")
        assert found.next is not None


def test_five_hours_say_which_leak_is_excluded() -> None:
    found = drift(soak(hours=5, noise=1.0))

    assert found.verdict is Verdict.INCONCLUSIVE
    assert "leak < " in found.reason
    assert "43 hours more" in str(found.next)


def test_a_grave_leak_fails_at_the_first_look_and_not_before() -> None:
    assert drift(soak(leak=30.0, hours=5.5)).verdict is Verdict.INCONCLUSIVE
    early = drift(soak(leak=30.0, hours=7))

    assert early.verdict is Verdict.FAIL
    assert "look at 6 h" in early.reason


def test_a_clean_running_soak_never_fails_at_a_look() -> None:
    assert not [seed for seed in range(30) if drift(soak(hours=37, noise=1.5, seed=seed)).verdict is Verdict.FAIL]


def test_lives_of_one_sample_are_invalid() -> None:
    found = drift(Held(np.arange(30.0), np.full(30, 1000.0), np.arange(30), 30.0))

    assert found.verdict is Verdict.INVALID
    assert "two settled samples" in found.reason


def test_an_evicted_model_is_invalid() -> None:
    held = soak()
    held.mb[200:210] = 5.0

    found = drift(held, weights_mb=2_060)

    assert found.verdict is Verdict.INVALID
    assert "evicted" in found.reason


def test_a_step_that_stays_is_caught_by_the_hourly_floor() -> None:
    assert hourly_floor(soak(jump=70.0)).verdict is Verdict.FAIL
    assert total_delta(soak(jump=120.0)).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("delta", "verdict"), [(99.9, Verdict.PASS), (100.0, Verdict.INCONCLUSIVE), (100.1, Verdict.FAIL)]
)
def test_the_total_delta_is_decided_around_its_limit(delta: float, verdict: Verdict) -> None:
    held = Held(np.array([0.0, 1.0]), np.array([1000.0, 1000.0 + delta]), np.array([0, 0]), 1.0)

    assert total_delta(held).verdict is verdict


@pytest.mark.parametrize(
    ("delta", "verdict"),
    [(49.9, Verdict.PASS), (50.0, Verdict.INCONCLUSIVE), (50.1, Verdict.FAIL), (-50.1, Verdict.FAIL)],
)
def test_the_hourly_floor_holds_at_its_limit_on_both_sides(delta: float, verdict: Verdict) -> None:
    held = Held(
        np.array([0.0, 0.5, 1.2, 1.4]), np.array([1000, 1000, 1000 + delta, 1000 + delta]), np.zeros(4, int), 2.0
    )

    assert hourly_floor(held).verdict is verdict


def test_the_first_three_quarters_of_an_hour_of_each_life_are_dropped() -> None:
    held = soak()

    assert held.hours[held.segment == 1][0] == pytest.approx(12.75)
    assert held.observed == pytest.approx(48 + 1 / 12)


def test_few_samples_and_single_hours_are_invalid() -> None:
    assert drift(soak(hours=1.5)).verdict is Verdict.INVALID
    assert hourly_floor(soak(hours=1.5)).verdict is Verdict.INVALID
    assert total_delta(soak(hours=0.5)).verdict is Verdict.INVALID


@pytest.mark.parametrize(
    ("hours", "mb", "words"),
    [([0, 1], [1, float("nan")], "not a number"), ([1, 0], [1, 1], "back in time"), ([0, 1], [1, -1], "negative")],
)
def test_impossible_samples_are_named_errors(hours: list[float], mb: list[float], words: str) -> None:
    with pytest.raises(EvidenceProblem, match=words):
        settled(hours, mb, [0, 0])


def test_a_look_at_two_samples_of_one_life_decides_nothing() -> None:
    """A soak that was killed and goes on has a life of two samples before its next look."""
    hours = [0.00072, 0.00078, 0.0010, 0.0012, 0.0014]
    held = settled(hours, [36.9] * 5, [2, 2, 3, 3, 3], settle_minutes=0)

    found = drift(held, horizon_hours=1.0, required_hours=1.0, looks=(0.0008,), min_samples=2, page_mb=0.0)

    assert found.verdict is not Verdict.FAIL
