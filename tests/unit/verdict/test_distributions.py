"""The quantiles that bounds are made of, held against ``scipy.stats``, which is too large to judge with."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.bisection import crossing
from pytest_rawrxd.verdict.distributions import above_student, beta, chi_square, normal, student, students
from pytest_rawrxd.verdict.throttle import slower_half

CONFIDENCES = (0.001, 0.05, 0.5, 0.6, 0.95, 0.975, 0.999)


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_every_quantile_is_that_of_scipy_stats(confidence):
    for freedom in (1, 2, 3.7, 29, 1e4):
        assert student(confidence, freedom) == pytest.approx(stats.t.ppf(confidence, freedom), rel=1e-12, abs=1e-12)
        assert chi_square(confidence, freedom) == pytest.approx(stats.chi2.ppf(confidence, freedom), rel=1e-11)
        assert above_student(confidence, freedom) == pytest.approx(stats.t.sf(confidence, freedom), rel=1e-12)
    for hits, misses in ((0.5, 30), (1, 1e6), (17.3, 7012), (400, 3)):
        assert beta(confidence, hits, misses) == pytest.approx(stats.beta.ppf(confidence, hits, misses), rel=1e-10)
    assert normal(confidence) == pytest.approx(stats.norm.ppf(confidence), rel=1e-12)
    assert np.array_equal(students(confidence, [3, 9]), [student(confidence, 3), student(confidence, 9)])


@pytest.mark.parametrize("drop", [0.0, 0.04, 0.05, 0.06, 0.2])
def test_a_slower_half_is_found_where_welchs_test_finds_it(drop):
    random = np.random.default_rng(5)
    rates = np.concatenate([random.normal(80, 4, 12), random.normal(80 * (1 - drop), 1, 12)])
    first, second = np.array_split(rates, 2)
    known = stats.ttest_ind(first, second, equal_var=False, alternative="greater").pvalue

    found = slower_half(rates, alpha=known * 1.0001)

    assert (found is not None) == (second.mean() < 0.97 * first.mean())
    assert slower_half(rates, alpha=known * 0.9999) is None


def test_a_session_starts_without_what_only_plans_and_charts_need():
    code = (
        "import sys, pytest_rawrxd.plugin.activation, pytest_rawrxd.verdict.selfcheck as s; s.self_check();"
        "print(*sorted({'scipy.stats', 'scipy.optimize', 'matplotlib', 'weasyprint'} & sys.modules.keys()))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []


@pytest.mark.parametrize(("low", "high", "found"), [(0.0, 10.0, 2**0.5), (1.0, 3.0, 2**0.5), (-3.0, 0.0, -(2**0.5))])
def test_a_crossing_is_found_to_the_last_bit(low, high, found):
    assert crossing(lambda value: value * value - 2, low, high) == pytest.approx(found, rel=1e-15)


def test_a_function_that_never_crosses_zero_is_a_problem_and_no_number():
    with pytest.raises(EvidenceProblem, match="without a crossing"):
        crossing(lambda value: value * value + 1, 0.0, 1.0)
