"""Warm-up is cut where the series becomes steady."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.steady import mser5, steady_requests, steady_steps


def test_a_steady_series_loses_only_its_first_request() -> None:
    rates = 80 + np.tile([0.1, -0.1, 0.05, -0.05, 0.0], 12)

    found = steady_requests(rates)

    assert found.dropped == 1
    assert found.reached


def test_a_slow_start_is_cut_off() -> None:
    random = np.random.default_rng(1)
    rates = np.concatenate([np.linspace(40, 79, 20), random.normal(80, 0.5, 80)])

    found = steady_requests(rates)

    assert found.reached
    assert 16 <= found.dropped <= 26


def test_a_series_that_never_settles_is_not_steady_and_its_halves_differ() -> None:
    found = steady_requests(np.linspace(100, 50, 101))

    assert not found.reached
    assert found.shift == pytest.approx(86.875 / 62.0 - 1, rel=0.02)


def test_noise_that_is_cut_at_half_has_halves_that_agree() -> None:
    random = np.random.default_rng(11)
    cut_at_half = [found for _ in range(200) if not (found := steady_requests(random.normal(80, 0.8, 76))).reached]

    assert 2 <= len(cut_at_half) <= 25
    assert max(found.shift for found in cut_at_half) < 0.01


@pytest.mark.parametrize(("requests", "method"), [(20, "fixed cut of 3"), (21, "MSER-5")])
def test_fewer_than_twenty_points_get_a_fixed_cut_that_is_said(requests: int, method: str) -> None:
    rates = 80 + np.resize([0.1, -0.1, 0.05], requests)

    assert method in steady_requests(rates).method


def test_growing_context_is_not_taken_for_warm_up() -> None:
    random = np.random.default_rng(3)
    context = np.arange(6400.0)
    steps = 12e6 + 800.0 * context + random.normal(0, 1e5, context.size)

    found = steady_steps(steps, context)

    assert found.reached
    assert found.dropped <= 6400 // 10


def test_slow_first_steps_are_cut_although_the_context_grows() -> None:
    random = np.random.default_rng(4)
    context = np.arange(6400.0)
    steps = 12e6 + 800.0 * context + random.normal(0, 1e5, context.size)
    steps[:960] *= 1.6

    found = steady_steps(steps, context)

    assert found.reached
    assert 960 <= found.dropped <= 1280


def test_few_steps_get_a_fixed_cut() -> None:
    found = steady_steps(np.full(255, 1e6), np.arange(255.0))

    assert found.dropped == 26
    assert found.kept == 229
    assert "fewer than 20" in found.method


def test_the_statistic_is_the_marginal_standard_error() -> None:
    series = np.random.default_rng(9).normal(0, 1, 200)
    series[:15] += 8
    means = series.reshape(40, 5).mean(axis=1)
    by_hand = [means[cut:].var() / (40 - cut) for cut in range(21)]

    assert mser5(series) == (int(np.argmin(by_hand)) * 5, True)


def test_arrays_of_different_length_are_refused() -> None:
    with pytest.raises(EvidenceProblem, match="differ in length"):
        steady_steps([1.0, 2.0], [1.0])
