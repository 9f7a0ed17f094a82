"""Latency quantiles on simulated campaigns with bursts that all streams share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.histogram import Histogram, record
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.quantile import design_effect, quantile, quantile_interval, share_of_time

MS = 1_000_000
BLOCKS, STEPS, STREAMS = 30, 1_000, 12


def campaign(random: np.random.Generator, share: float, *, bound_ms: float = 50.0) -> Histogram:
    """Return gaps of which ``share`` exceed the bound, in bursts of about five steps that hit every stream."""
    steps = BLOCKS * STEPS
    gaps = random.normal(12.5 * MS, 0.3 * MS, steps)
    bursts = random.poisson(0.12 * steps / 5)
    for at, length, severity in zip(
        random.integers(0, steps, bursts), random.geometric(0.2, bursts), random.random(bursts), strict=True
    ):
        # Of the tenth of all steps that lie in bursts, the worst exceed the bound.
        gaps[at : at + length] = (bound_ms + 20 * (share / 0.12 - severity)) * MS
    return record(
        np.repeat(gaps.astype(np.int64), STREAMS),
        block=np.repeat(np.arange(steps) // STEPS, STREAMS),
        bounds_ns=[int(bound_ms * MS)],
    )


def judged(share: float, campaigns: int, seed: int) -> tuple[int, int]:
    """Return how often the rule and how often the bare quantile accept."""
    random = np.random.default_rng(seed)
    passed = naive = 0
    for _ in range(campaigns):
        found = quantile(campaign(random, share), quantile=0.95, bound=50.0, steps=BLOCKS * STEPS)
        passed += found.verdict is Verdict.PASS
        naive += float(found.deciding["estimate"]) <= 5.0
    return passed, naive


def test_a_campaign_at_its_limit_is_not_accepted_where_a_point_estimate_accepts_half() -> None:
    passed, naive = judged(0.0555, 60, seed=1)  # overlapping bursts leave about 5 % above the bound

    assert stats.binomtest(passed, 60, 0.02, alternative="greater").pvalue > 0.01
    assert naive > 15


@pytest.mark.parametrize("share", [0.0, 0.001, 0.025])
def test_a_campaign_well_inside_its_limit_passes(share: float) -> None:
    passed, _ = judged(share, 12, seed=2)

    assert passed == 12


def test_a_campaign_at_twice_its_limit_fails() -> None:
    found = quantile(
        campaign(np.random.default_rng(3), 0.119), quantile=0.95, bound=50.0, steps=BLOCKS * STEPS, minutes=30
    )

    assert found.verdict is Verdict.FAIL


def test_streams_of_a_batch_count_once() -> None:
    found = quantile(campaign(np.random.default_rng(4), 0.05), quantile=0.95, bound=50.0, steps=BLOCKS * STEPS)

    assert found.n == BLOCKS * STEPS * STREAMS
    assert found.n_eff is not None
    assert 20 < found.n / found.n_eff < 250


def test_the_design_effect_is_how_many_gaps_count_as_one() -> None:
    """Independent steps of 12 streams count once each; bursts of five steps make it several times as many."""
    steps = np.random.default_rng(8).normal(12.5 * MS, 0.3 * MS, BLOCKS * STEPS).astype(np.int64)
    block = np.repeat(np.arange(BLOCKS * STEPS) // STEPS, STREAMS)
    independent = record(np.repeat(steps, STREAMS), block=block, bounds_ns=[0])

    assert 6 < design_effect(independent, 0.95) < 24
    assert design_effect(campaign(np.random.default_rng(4), 0.05), 0.95) > 40


def test_the_finding_says_quantile_share_allowance_and_plan() -> None:
    found = quantile(
        campaign(np.random.default_rng(5), 0.038), quantile=0.95, bound=50.0, steps=BLOCKS * STEPS, minutes=30
    )

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason.startswith("P95 4")
    assert "of gaps exceed 50 ms, sign-off allows 4 %" in found.reason
    assert found.next is not None
    assert found.next.startswith("about ")
    assert found.deciding["limit"] == pytest.approx(5.0)
    assert found.deciding["acceptance_limit"] == pytest.approx(4.0)
    assert found.lower is not None
    assert found.upper is not None
    assert found.estimate is not None
    assert found.lower <= found.estimate <= found.upper


def test_a_share_between_guard_and_limit_is_not_promised_to_be_decided() -> None:
    found = quantile(
        campaign(np.random.default_rng(6), 0.05), quantile=0.95, bound=50.0, steps=BLOCKS * STEPS, minutes=30
    )

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.next is not None
    assert "no length of run decides" in found.next


def test_the_shown_interval_covers_the_true_quantile() -> None:
    random = np.random.default_rng(7)
    hits = 0
    for _ in range(60):
        gaps = random.gamma(20, 0.6 * MS, 20_000).astype(np.int64)
        shown = quantile_interval(
            record(gaps, block=np.arange(20_000) // 1_000, bounds_ns=[MS]), quantile=0.95, steps=20_000
        )
        true = stats.gamma.ppf(0.95, 20, scale=0.6)
        assert shown.lower is not None
        assert shown.upper is not None
        hits += shown.lower * 0.995 <= true <= shown.upper * 1.005

    assert stats.binomtest(hits, 60, 0.90, alternative="less").pvalue > 0.01


def test_freezes_that_percentiles_do_not_see_are_seen_by_time() -> None:
    gaps = np.full(30 * 60 * 10, 12_500_000)
    gaps[np.arange(30) * 600 + 300] = 3_000_000_000  # one freeze of 3 s in each block
    frozen = record(gaps, block=np.arange(gaps.size) // 600, bounds_ns=[50 * MS, 1_000 * MS])

    pooled = quantile(frozen, quantile=0.95, bound=50.0, steps=gaps.size)
    by_time = quantile(frozen, quantile=0.95, bound=50.0, steps=gaps.size, by_time=True)
    stalled = share_of_time(frozen, above_ms=1_000, limit_percent=0.5, steps=gaps.size)

    assert pooled.verdict is Verdict.PASS
    assert by_time.verdict is Verdict.FAIL
    assert stalled.verdict is Verdict.FAIL
    assert stalled.estimate == pytest.approx(100 * 3 / (3 + 599 * 0.0125))


def test_a_run_without_stalls_proves_a_small_stalled_share() -> None:
    random = np.random.default_rng(8)
    gaps = random.gamma(20, 0.6 * MS, 30 * 2_000).astype(np.int64)
    smooth = record(gaps, block=np.arange(gaps.size) // 2_000, bounds_ns=[1_000 * MS])

    found = share_of_time(smooth, above_ms=1_000, limit_percent=0.5, steps=gaps.size)

    assert found.verdict is Verdict.PASS
    assert found.estimate == 0
    assert found.acceptance_limit == pytest.approx(0.4)


@pytest.mark.parametrize(("blocks", "verdict"), [(9, Verdict.INVALID), (10, Verdict.PASS)])
def test_too_few_blocks_are_invalid(blocks: int, verdict: Verdict) -> None:
    gaps = np.full(blocks * 2_000, 12_500_000)
    found = quantile(
        record(gaps, block=np.arange(gaps.size) // 2_000, bounds_ns=[50 * MS]),
        quantile=0.95,
        bound=50.0,
        steps=20_000,
    )

    assert found.verdict is verdict


def test_an_empty_sample_is_invalid_and_an_uncounted_bound_an_error() -> None:
    empty = record(np.empty(0, np.int64), bounds_ns=[50 * MS])
    some = record(np.full(20, MS), block=np.arange(20), bounds_ns=[50 * MS])

    assert quantile(empty, quantile=0.95, bound=50.0, steps=1).verdict is Verdict.INVALID
    with pytest.raises(EvidenceProblem, match="No exact count"):
        quantile(some, quantile=0.95, bound=49.0, steps=20)


def test_the_unit_of_the_criterion_is_the_unit_of_the_finding() -> None:
    gaps = np.random.default_rng(9).gamma(20, 0.6 * MS, 20_000).astype(np.int64)
    kept = record(gaps, block=np.arange(20_000) // 1_000, bounds_ns=[300_000 * MS, 50 * MS])

    in_ms = quantile(kept, quantile=0.95, bound=50.0, steps=20_000)
    in_minutes = quantile(kept, quantile=0.95, bound=5.0, unit="min", steps=20_000)

    assert in_ms.estimate == pytest.approx(60_000 * (in_minutes.estimate or 0))
    assert "exceed 5 min" in in_minutes.reason
