"""Slopes with Newey-West errors, against statsmodels; latency slope and utilisation."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.latency_slope import latency_slope
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.trend import common_slope, mean_error
from pytest_rawrxd.verdict.utilisation import utilisation


@pytest.mark.parametrize("lags", [1, 3, 12])
@pytest.mark.parametrize("lives", [1, 4])
def test_slope_and_error_are_those_of_statsmodels(lags: int, lives: int) -> None:
    random = np.random.default_rng(lags)
    hours = np.arange(200) / 12
    segment = np.arange(200) * lives // 200
    values = 5 + 0.3 * hours + segment + np.cumsum(random.normal(0, 0.2, 200))
    design = np.column_stack([hours, *(segment == life for life in range(lives))]).astype(float)
    oracle = sm.OLS(values, design).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)

    found = common_slope(hours, values, segment, lags=lags)

    assert found.slope == pytest.approx(oracle.params[0])
    assert found.error == pytest.approx(oracle.bse[0])
    assert found.half_width(0.95) == pytest.approx(oracle.conf_int(alpha=0.10)[0, 1] - oracle.params[0])


def test_the_error_of_a_mean_is_that_of_statsmodels_or_of_independent_values() -> None:
    wander = np.cumsum(np.random.default_rng(1).normal(0, 1, 60))
    zigzag = np.resize([1.0, -1.0], 60)
    oracle = sm.OLS(wander, np.ones(60)).fit(cov_type="HAC", cov_kwds={"maxlags": 4, "use_correction": True})

    assert mean_error(wander, lags=4) == pytest.approx(oracle.bse[0])
    assert mean_error(zigzag, lags=4) == pytest.approx(zigzag.std(ddof=1) / np.sqrt(60))


def test_a_slope_needs_time_and_values() -> None:
    with pytest.raises(EvidenceProblem, match="time to pass"):
        common_slope([1.0, 1.0, 1.0], [1.0, 2.0, 3.0], lags=1)
    with pytest.raises(EvidenceProblem, match="Too few"):
        common_slope([0.0, 1.0], [1.0, 2.0], lags=1)


def hourly(change: float, *, noise: float = 0.005) -> tuple[np.ndarray, np.ndarray]:
    hours = np.arange(48.0)
    return hours, 12.5 * (1 + change * hours / 48 + np.random.default_rng(2).normal(0, noise, 48))


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (0.0, Verdict.PASS),
        (0.03, Verdict.PASS),
        (0.051, Verdict.INCONCLUSIVE),
        (0.09, Verdict.FAIL),
        (-0.09, Verdict.FAIL),
    ],
)
def test_a_latency_that_creeps_is_caught(change: float, verdict: Verdict) -> None:
    assert latency_slope(*hourly(change)).verdict is verdict


def test_few_hours_say_nothing_about_a_slope() -> None:
    hours, means = hourly(0.0)

    assert latency_slope(hours[:7], means[:7]).verdict is Verdict.INVALID
    assert latency_slope(hours[:8], means[:8]).verdict is not Verdict.INVALID


@pytest.mark.parametrize(
    ("level", "verdict"),
    [(94.0, Verdict.PASS), (90.2, Verdict.INCONCLUSIVE), (85.0, Verdict.FAIL), (99.9, Verdict.FAIL)],
)
def test_utilisation_is_judged_against_both_ends_of_its_band(level: float, verdict: Verdict) -> None:
    minutes = np.clip(level + np.resize([1.0, -1.0, 0.5, -0.5], 30), 0, 100)

    assert utilisation(minutes).verdict is verdict


def test_utilisation_needs_ten_minutes_and_stays_below_a_hundred() -> None:
    assert utilisation([94.0] * 9).verdict is Verdict.INVALID
    assert utilisation([94.0] * 10).verdict is Verdict.PASS
    with pytest.raises(EvidenceProblem, match="above 100"):
        utilisation([101.0] * 10)
