"""Throttling, plausibility and the catalogue of validity rules."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict import checks
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.plausibility import largest_weights, plausibility
from pytest_rawrxd.verdict.throttle import power_capped, slower_half, throttled
from pytest_rawrxd.verdict.validity import CATALOGUE, RULES, Severity, Violation

CARD = 624e9


@pytest.mark.parametrize(
    ("tps", "gigabytes", "share"),
    [(115, 9, 1.66), (79.97, 13, 1.67), (69, 15, 1.66), (52, 17, 1.42), (58, 18, 1.67), (89, 11, 1.57)],
)
def test_the_roadmaps_own_numbers_are_physically_impossible(tps: float, gigabytes: float, share: float) -> None:
    seen = plausibility(tps, weight_bytes=gigabytes * 1e9, datasheet_bandwidth=CARD)

    assert seen.level == "impossible"
    assert seen.share == pytest.approx(share, abs=0.01)
    finding = seen.finding()
    assert finding is not None
    assert finding.verdict is Verdict.INVALID


def test_the_weights_at_which_the_baseline_is_feasible() -> None:
    assert largest_weights(79.97, bandwidth=CARD, share=0.85) == pytest.approx(6.6e9, rel=0.01)
    assert largest_weights(79.97, bandwidth=CARD, share=0.70) == pytest.approx(5.5e9, rel=0.01)


@pytest.mark.parametrize(
    ("share", "level"),
    [
        (1.021, "impossible"),
        (1.019, "suspicious"),
        (0.901, "suspicious"),
        (0.899, "normal"),
        (0.301, "normal"),
        (0.299, "low"),
    ],
)
def test_the_levels_change_at_their_limits(share: float, level: str) -> None:
    seen = plausibility(share * CARD / 5e9, weight_bytes=5e9, datasheet_bandwidth=CARD)

    assert seen.level == level
    assert (seen.finding() is None) is (level != "impossible")


def test_streams_share_the_weights_and_add_their_caches() -> None:
    seen = plausibility(800, weight_bytes=4.6e9, kv_bytes=0.1e9, streams=12, datasheet_bandwidth=CARD)

    assert seen.share == pytest.approx(800 / 12 * (4.6e9 + 1.2e9) / CARD)


def test_without_a_datasheet_measured_bandwidth_has_a_margin_and_the_cache_a_say() -> None:
    measured = {"weight_bytes": 80e6, "measured_bandwidth": 20e9}

    assert plausibility(200, **measured, cache_bytes=19e6).share == pytest.approx(200 * 80e6 / 25e9)
    small = plausibility(200, **measured, cache_bytes=21e6)
    assert small.level == "not judged"
    assert "last-level cache" in small.sentence
    assert plausibility(200, weight_bytes=80e6).level == "not judged"


def test_an_impossible_input_is_a_named_error() -> None:
    with pytest.raises(EvidenceProblem, match="positive"):
        plausibility(-1, weight_bytes=1e9, datasheet_bandwidth=CARD)
    with pytest.raises(EvidenceProblem, match="positive"):
        largest_weights(0, bandwidth=CARD)


@pytest.mark.parametrize(("bits", "caught"), [(10, False), (11, True)])
def test_a_hard_bit_in_more_than_one_per_cent_is_throttling(bits: int, caught: bool) -> None:
    assert (throttled(hard=np.arange(1000) < bits) is not None) is caught


def test_a_low_clock_with_a_slower_second_half_is_throttling_and_alone_it_is_not() -> None:
    block = np.repeat(np.arange(10), 60)
    clock = np.where(block >= 8, 1900.0, 2400.0)
    steady = 80 + np.resize([0.3, -0.3, 0.1], 20)
    fading = np.where(np.arange(20) >= 10, 0.93, 1.0) * steady

    caught = throttled(clock_mhz=clock, block=block, rates=fading)

    assert caught is not None
    assert "block 8" in caught.reason
    assert throttled(clock_mhz=clock, block=block, rates=steady) is None
    assert throttled(clock_mhz=np.full(600, 2400.0), block=block, rates=fading) is None
    assert throttled() is None


def test_a_slower_half_needs_size_and_evidence() -> None:
    assert slower_half([80.0] * 4 + [76.0] * 4) == pytest.approx(0.05)
    assert slower_half([80.0] * 4 + [78.0] * 4) is None
    assert slower_half([60, 100, 80, 84, 55, 95, 75, 80]) is None


def test_a_software_power_cap_is_a_note() -> None:
    assert power_capped([False, False]) is None
    assert power_capped([]) is None
    assert power_capped([True, False]) == "a software power cap was active in 50 % of loaded samples"
    assert RULES["V-POWERCAP"].severity is Severity.NOTE


@pytest.mark.parametrize(
    ("good", "bad", "rule", "said"),
    [
        (checks.empty_sample(1, "gaps"), checks.empty_sample(0, "gaps"), "V-EMPTY", "0 gaps"),
        (
            checks.received_tokens([256, 256], [256, 256]),
            checks.received_tokens([256, 256], [256, 35]),
            "V-TOKENS",
            "first request 2: 35 of 256",
        ),
        (checks.prompt_cache([0, 3], allowed=3), checks.prompt_cache([0, 4], allowed=3), "V-CACHE", "1 of 2"),
        (checks.early_end(["length"]), checks.early_end(["length", "stop"]), "V-EOS", "1 of 2 ended by stop"),
        (checks.coalesced(1, 100), checks.coalesced(2, 100), "V-CHUNK", "2 of 100"),
        (checks.loop_lag(1.0, gate_ms=1.0), checks.loop_lag(1.1, gate_ms=1.0), "V-LOOP", "1.1 ms"),
        (checks.send_lag(5.0), checks.send_lag(5.1), "V-SEND", "5.1 ms, gate 5 ms"),
        (
            checks.noise_floor(0.65, tightest_bound_ms=13.0),
            checks.noise_floor(0.66, tightest_bound_ms=13.0),
            "V-NOISE",
            "gate 0.65 ms",
        ),
        (checks.foreign_cpu(9.9, gate_percent=10), checks.foreign_cpu(10.1, gate_percent=10), "V-HOST", "10.1 %"),
        (checks.device_company(0), checks.device_company(1), "V-GPU", "one computed on it"),
        (checks.device_company(0), checks.device_company(3), "V-GPU", "3 beside the engine computed on it"),
        (checks.memory_of_others(128e6), checks.memory_of_others(129e6), "V-GPU", "moved by 129 MB, gate 128 MB"),
        (
            checks.clock_steps([0, 10, 20.4], [100, 110, 120]),
            checks.clock_steps([0, 10, 21], [100, 110, 120]),
            "V-CLOCK",
            "1 s between anchors 2 and 3",
        ),
        (
            checks.backend({"backend": "vulkan"}, {"backend": "vulkan", "device": "RX"}),
            checks.backend({"backend": "vulkan"}, {"backend": "cpu"}),
            "V-BACKEND",
            "backend is cpu, not vulkan",
        ),
        (
            checks.one_device(("Vulkan0",)),
            checks.one_device(("Vulkan0", "Vulkan1")),
            "V-BACKEND",
            "the weights lie on Vulkan0, Vulkan1",
        ),
        (
            checks.one_identity([{"model": "a"}, {"model": "a"}]),
            checks.one_identity([{"model": "a"}, {"model": "a"}, {"model": "b"}]),
            "V-IDENTITY",
            "record 3: model is b, not a",
        ),
        (checks.enough_blocks(10), checks.enough_blocks(9), "V-BLOCKS", "9, at least 10"),
        (
            checks.stale({"profile": "a"}, {"profile": "a"}),
            checks.stale({"profile": "a"}, {}),
            "V-STALE",
            "profile is missing, not a",
        ),
        (checks.full_window(0.95, streams=12), checks.full_window(0.94, streams=12), "V-WINDOW", "94 %"),
        (checks.full_window(1.0, streams=12), checks.full_window(None, streams=12), "V-WINDOW", "never"),
        (
            checks.steady_state(False, 50, 100, shift=0.03, gate=0.03),
            checks.steady_state(False, 50, 100, shift=0.0301, gate=0.03),
            "V-STEADY",
            "50 of 100 entries look like warm-up, the halves differ by 3.01 %",
        ),
        (
            checks.steady_state(True, 10, 100, shift=0.5, gate=0.03),
            checks.steady_state(False, 50, 100, shift=0.5, gate=0.03),
            "V-STEADY",
            "50 of 100",
        ),
        (
            checks.spilled(0.3e9, weight_bytes=6.6e9),
            checks.spilled(0.4e9, weight_bytes=6.6e9),
            "V-SPILL",
            "6.061 % of the weights",
        ),
        (checks.fault_took_effect(1, "crash"), checks.fault_took_effect(0, "crash"), "V-FAULT", "crash"),
        (
            checks.journal_gaps([0, 0.1, 1.0, 1.1], interval_hours=0.1, downtime=[(0.2, 0.9)]),
            checks.journal_gaps([0, 0.1, 1.0, 1.1], interval_hours=0.1),
            "V-GAP",
            "54 minutes after sample 2",
        ),
        (checks.workers(3, 3), checks.workers(3, 2), "V-WORKERS", "2 of 3"),
        (
            checks.self_check([], []),
            checks.self_check(["leak"], ["clean"]),
            "V-SELFCHECK",
            "missed leak, false alarm clean",
        ),
    ],
)
def test_each_check_is_silent_on_good_evidence_and_names_its_rule_on_bad(
    good: Violation | None, bad: Violation | None, rule: str, said: str
) -> None:
    assert good is None
    assert bad is not None
    assert bad.rule is RULES[rule]
    assert said in bad.sentence()


def test_the_catalogue_says_for_each_rule_what_it_protects_and_how_to_repair() -> None:
    assert len(RULES) == len(CATALOGUE)
    for rule in CATALOGUE:
        assert all((rule.protects, rule.message, rule.fix))
        assert rule.id.startswith("V-")


def test_every_check_names_a_rule_that_exists() -> None:
    named = {word for word in inspect.getsource(checks).split('"') if word.startswith("V-")}

    assert named <= set(RULES)
