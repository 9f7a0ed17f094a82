"""Peak variant and bottleneck."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.bottleneck import bottleneck, regression
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.peak import champion, peak, peak_set

MEANS = {"Q2_K": 115.0, "Q4_K": 80.0, "Q5_K_M": 69.0, "Q6_K": 52.0, "Q8_0": 58.0, "Hybrid": 89.0}
GB = 1e9
BYTES = {"Q2_K": 2.9 * GB, "Q4_K": 4.6 * GB, "Q5_K_M": 5.4 * GB, "Q6_K": 6.3 * GB, "Q8_0": 8.1 * GB}


def rounds(means: dict[str, float], *, seed: int = 0, n: int = 10, noise: float = 0.005) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    weather = random.normal(1, 0.02, n)
    return {name: mean * weather * random.normal(1, noise, n) for name, mean in means.items()}


def test_a_clear_best_is_the_peak_and_the_champion() -> None:
    rates = rounds(MEANS)

    found = peak(rates)

    assert found.verdict is Verdict.PASS
    assert found.deciding["set"] == ["Q2_K"]
    assert champion(rates, "Q2_K").verdict is Verdict.PASS
    assert champion(rates, "Hybrid").verdict is Verdict.FAIL


def test_a_tie_determines_the_set_and_crowns_nobody() -> None:
    rates = rounds({**MEANS, "Hybrid": 114.9}, noise=0.002)

    found = peak(rates)

    assert found.verdict is Verdict.PASS
    assert sorted(found.deciding["set"]) == ["Hybrid", "Q2_K"]
    assert "a tie within 2 %" in found.reason
    assert champion(rates, "Q2_K").verdict is Verdict.INCONCLUSIVE


def test_a_difference_around_the_margin_leaves_the_set_open() -> None:
    found = peak(rounds({**MEANS, "Hybrid": 115.0 * 0.98}))

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.deciding["open"] == ["Hybrid"]
    assert "Hybrid" in str(found.next)


def test_comparisons_share_the_error_over_their_number() -> None:
    rates = rounds(MEANS)
    logs = np.log(rates["Q2_K"] / rates["Q4_K"])

    seen = peak_set(rates)

    half = stats.t.ppf(0.99, 9) * logs.std(ddof=1) / np.sqrt(10)
    assert seen.behind["Q4_K"].lower == pytest.approx(np.exp(logs.mean() - half))


def test_few_rounds_and_single_variants_are_invalid() -> None:
    assert peak(rounds(MEANS, n=9)).verdict is Verdict.INVALID
    assert peak({"Q2_K": [115.0] * 10}).verdict is Verdict.INVALID
    assert champion(rounds(MEANS), "Q3_K").verdict is Verdict.NOT_MEASURED
    with pytest.raises(EvidenceProblem, match="differ in length"):
        peak({"Q2_K": [115.0] * 10, "Q4_K": [80.0] * 11})


def test_a_tied_variant_is_rarely_declared_worse() -> None:
    wrong = sum(bool(peak_set(rounds(dict.fromkeys(MEANS, 80.0), seed=seed, noise=0.02)).worse) for seed in range(60))

    assert stats.binomtest(wrong, 60, 0.05, alternative="greater").pvalue > 0.01


def times(fixed_ms: float, bandwidth: float, *, scatter: float = 0.01, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        name: (fixed_ms + size / bandwidth * 1000) * random.normal(1, scatter) * random.normal(1, 0.003, 7)
        for name, size in BYTES.items()
    }


def test_decoding_at_the_speed_of_memory_confirms_the_bottleneck() -> None:
    found = bottleneck(times(0.8, 430e9), BYTES, read_bandwidth=560e9)

    assert found.verdict is Verdict.PASS
    assert found.deciding["answer"] == "CONFIRMED"
    assert found.deciding["slope_ms_per_gb"] == pytest.approx(1000 / 430, rel=0.05)


def test_decoding_far_below_the_speed_of_memory_refutes_it() -> None:
    slow = times(0.8, 200e9)

    refuted = bottleneck(slow, BYTES, read_bandwidth=560e9)

    assert refuted.verdict is Verdict.FAIL
    assert refuted.deciding["answer"] == "REFUTED"


def test_a_large_fixed_share_refutes_it_too() -> None:
    seen = regression(times(12.0, 500e9), BYTES, read_bandwidth=520e9)

    assert seen.answer == "REFUTED"
    assert seen.fixed_share.lower is not None
    assert seen.fixed_share.lower > 0.30


def test_variants_that_scatter_leave_it_undecided() -> None:
    found = bottleneck(times(0.8, 430e9, scatter=0.35, seed=2), BYTES, read_bandwidth=420e9)

    assert found.verdict is Verdict.INCONCLUSIVE
    assert "UNDECIDED" in found.reason


def test_what_a_bottleneck_cannot_be_judged_without_is_invalid() -> None:
    runs = times(0.8, 430e9)

    assert bottleneck(runs, BYTES, read_bandwidth=None).verdict is Verdict.INVALID
    assert (
        bottleneck({name: runs[name] for name in ("Q4_K", "Q8_0")}, BYTES, read_bandwidth=1e9).verdict
        is Verdict.INVALID
    )
    assert bottleneck({name: runs[name][:2] for name in runs}, BYTES, read_bandwidth=1e9).verdict is Verdict.INVALID
    assert bottleneck(runs, BYTES, read_bandwidth=1e9, reference="F16").verdict is Verdict.INVALID
    with pytest.raises(EvidenceProblem, match="zero"):
        bottleneck({**runs, "Q2_K": [0.0, 1.0, 1.0]}, BYTES, read_bandwidth=1e9)
