"""Equivalence by two one-sided tests, with statsmodels as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from pytest_rawrxd.verdict.equivalence import equivalence
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.repeats import same_durations

BAND = (79.97 * 0.98, 79.97 * 1.02)


@pytest.mark.parametrize("seed", range(8))
def test_passes_exactly_when_both_tests_of_statsmodels_reject(seed: int) -> None:
    values = np.random.default_rng(seed).normal(81.0, 1.0, 10)

    oracle = bool(DescrStatsW(values).ttost_mean(*BAND)[0] < 0.05)

    assert (equivalence(values, limits=BAND).verdict is Verdict.PASS) is oracle


def test_nine_runs_are_too_few_and_ten_enough() -> None:
    values = 79.97 + np.linspace(-0.2, 0.2, 10)

    assert equivalence(values[:9], limits=BAND).verdict is Verdict.INVALID
    assert equivalence(values, limits=BAND).verdict is Verdict.PASS


def test_a_value_beyond_the_band_fails_on_either_side() -> None:
    shape = np.linspace(-0.2, 0.2, 10)

    assert equivalence(shape + 83, limits=BAND).verdict is Verdict.FAIL
    assert equivalence(shape + 77, limits=BAND).verdict is Verdict.FAIL


def test_an_interval_over_the_end_asks_for_more_runs() -> None:
    found = equivalence(81.2 + np.linspace(-1.5, 1.5, 10), limits=BAND)

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.next is not None
    assert "more runs" in found.next


def test_a_mean_at_the_end_of_the_band_is_accepted_at_most_as_often_as_alpha() -> None:
    random = np.random.default_rng(80)
    campaigns = 60
    accepted = sum(
        equivalence(random.normal(BAND[1], 0.5, 10), limits=BAND).verdict is Verdict.PASS for _ in range(campaigns)
    )

    assert stats.binomtest(accepted, campaigns, 0.05, alternative="greater").pvalue > 0.01


def test_two_variants_with_the_same_raw_durations_are_invalid() -> None:
    copied = same_durations({"Q2_K": [101, 102, 103], "Q4_K": [201, 202, 203], "Q6_K": [201, 202, 203]})

    assert copied is not None
    assert copied.verdict is Verdict.INVALID
    assert "Q4_K and Q6_K" in copied.reason
    assert same_durations({"Q2_K": [101, 102], "Q4_K": [101, 103]}) is None
