"""Crashes, spikes, availability, single values, facts and declarations."""

from __future__ import annotations

import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.availability import availability, hours_needed, mean_time_between_failures
from pytest_rawrxd.verdict.counts import count_of, declaration, fact, rate_interval, spike, value_range, zero
from pytest_rawrxd.verdict.hybrid import hybrid
from pytest_rawrxd.verdict.outcome import Interval, Verdict

TWO_MINUTES = Interval(1.0, 0.5, 2.0, 10)


def test_48_hours_without_a_crash_prove_16_hours_between_crashes() -> None:
    assert rate_interval(0, 48).upper == pytest.approx(3 / 48, rel=0.002)
    assert mean_time_between_failures(0, 48).lower == pytest.approx(16.0, abs=0.05)


def test_crashes_bound_the_rate_on_both_sides() -> None:
    found = rate_interval(2, 48)

    assert found.lower is not None
    assert found.upper is not None
    assert found.lower < 2 / 48 < found.upper
    assert found.upper == pytest.approx(6.296 / 48, rel=1e-3)


def test_zero_passes_and_one_fails_and_the_rate_is_said() -> None:
    clean, broken = zero(0, hours=48), zero(1, hours=48)

    assert clean.verdict is Verdict.PASS
    assert "0 crashes in 48 h" in clean.reason
    assert "mean time between them >= 16.02 h" in clean.reason
    assert broken.verdict is Verdict.FAIL
    assert zero(0, hours=0).verdict is Verdict.INVALID


@pytest.mark.parametrize(("crashes", "verdict"), [(0, Verdict.PASS), (2, Verdict.PASS), (3, Verdict.INCONCLUSIVE)])
def test_48_hours_prove_the_availability_with_up_to_two_crashes(crashes: int, verdict: Verdict) -> None:
    assert availability(crashes, 48, recovery_minutes=TWO_MINUTES).verdict is verdict


def test_the_availability_needs_19_9_crash_free_hours() -> None:
    assert hours_needed(0, 2 / 60) == pytest.approx(19.9, abs=0.05)
    assert availability(0, 19.8, recovery_minutes=TWO_MINUTES).verdict is Verdict.INCONCLUSIVE
    assert availability(0, 20.0, recovery_minutes=TWO_MINUTES).verdict is Verdict.PASS


def test_the_plan_of_an_open_availability_is_the_time_that_decides() -> None:
    found = availability(3, 48, recovery_minutes=TWO_MINUTES)

    assert str(found.next).startswith("4 hours more")
    assert availability(3, 52, recovery_minutes=TWO_MINUTES).verdict is Verdict.PASS


def test_many_crashes_with_long_recoveries_break_the_availability() -> None:
    assert availability(20, 48, recovery_minutes=Interval(30, 25, 35, 10)).verdict is Verdict.FAIL


def test_availability_without_a_recovery_bound_is_invalid() -> None:
    assert availability(0, 48, recovery_minutes=Interval(1.0, None, None, 1)).verdict is Verdict.INVALID


@pytest.mark.parametrize(
    ("longest", "count", "verdict"),
    [(199.9, 0, Verdict.PASS), (200.0, 0, Verdict.PASS), (200.000001, 1, Verdict.FAIL)],
)
def test_one_gap_above_the_limit_breaks_the_spike_promise(longest: float, count: int, verdict: Verdict) -> None:
    found = spike(count=count, longest=longest, limit=200.0, values=1_000_000, hours=0.5)

    assert found.verdict is verdict
    assert found.deciding["upper"] == pytest.approx(rate_interval(count, 0.5).upper)


def test_a_spike_count_and_a_longest_gap_that_contradict_are_refused() -> None:
    with pytest.raises(EvidenceProblem, match="contradict"):
        spike(count=0, longest=300.0, limit=200.0, values=10, hours=1)
    assert spike(count=0, longest=0.0, limit=200.0, values=0, hours=1).verdict is Verdict.INVALID


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(13.9, Verdict.PASS), (14.0, Verdict.INCONCLUSIVE), (14.1, Verdict.FAIL)],
)
def test_a_single_value_is_decided_around_its_limit(value: float, verdict: Verdict) -> None:
    assert value_range(value, direction="<=", limit=14.0, unit="GB").verdict is verdict


def test_a_single_value_knows_floors_and_bands() -> None:
    assert value_range(9.0, direction="within", limit=(8.0, 10.0), unit="GB").verdict is Verdict.PASS
    assert value_range(7.0, direction="within", limit=(8.0, 10.0), unit="GB").verdict is Verdict.FAIL
    assert value_range(17.0, direction=">=", limit=16.0, unit="GB").verdict is Verdict.PASS
    with pytest.raises(EvidenceProblem, match="direction"):
        value_range(1.0, direction="==", limit=1.0, unit="GB")


def test_facts_counts_and_declarations() -> None:
    assert fact(True, sentence="all data are under version control").verdict is Verdict.PASS
    assert fact(False, sentence="two files are not").verdict is Verdict.FAIL
    assert count_of(9, needed=9, of="documents").verdict is Verdict.PASS
    assert count_of(8, needed=9, of="documents", missing=("GPU_SETUP_INSTRUCTIONS.md",)).verdict is Verdict.FAIL
    assert declaration(None, by=None, of="planned maintenance").verdict is Verdict.NOT_MEASURED
    assert declaration("90 minutes a month", by="J. Doe", of="planned maintenance").verdict is Verdict.PASS


def test_the_hybrid_is_known_when_built_proven_and_measured() -> None:
    known = {"built": True, "tensors": 272, "wrong_tensors": (), "measured_runs": 5}

    assert hybrid(**known).verdict is Verdict.PASS  # type: ignore[arg-type]  # values of one table
    assert hybrid(**{**known, "measured_runs": 0}).verdict is Verdict.NOT_MEASURED  # type: ignore[arg-type]  # as above
    assert hybrid(**{**known, "built": False}).verdict is Verdict.NOT_MEASURED  # type: ignore[arg-type]  # as above
    assert hybrid(**{**known, "tensors": 0}).verdict is Verdict.INVALID  # type: ignore[arg-type]  # as above
    wrong = hybrid(**{**known, "wrong_tensors": ("blk.0.attn_v.weight",)})  # type: ignore[arg-type]  # as above
    assert wrong.verdict is Verdict.INVALID
    assert "blk.0.attn_v.weight" in wrong.reason


@pytest.mark.parametrize(("count", "hours"), [(-1, 48.0), (0, 0.0)])
def test_an_impossible_count_is_a_named_error(count: int, hours: float) -> None:
    with pytest.raises(EvidenceProblem, match="rate needs"):
        rate_interval(count, hours)
