"""What all findings have in common: plain values, a reason, a next step where the verdict is open."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from pytest_rawrxd.measure.histogram import record
from pytest_rawrxd.verdict.availability import availability
from pytest_rawrxd.verdict.bottleneck import bottleneck
from pytest_rawrxd.verdict.counts import spike, value_range, zero
from pytest_rawrxd.verdict.drift import drift, hourly_floor, settled, total_delta
from pytest_rawrxd.verdict.efficiency import efficiency
from pytest_rawrxd.verdict.equivalence import equivalence
from pytest_rawrxd.verdict.floor import floor
from pytest_rawrxd.verdict.latency_slope import latency_slope
from pytest_rawrxd.verdict.loss import loss
from pytest_rawrxd.verdict.outcome import Finding, Interval, Verdict
from pytest_rawrxd.verdict.pairs import compare
from pytest_rawrxd.verdict.peak import champion, peak
from pytest_rawrxd.verdict.plausibility import plausibility
from pytest_rawrxd.verdict.quantile import quantile, share_of_time
from pytest_rawrxd.verdict.recovery import recovery
from pytest_rawrxd.verdict.throttle import throttled
from pytest_rawrxd.verdict.utilisation import utilisation
from pytest_rawrxd.verdict.wording import duration, number

WOBBLE = np.resize([0.99, 1.0, 1.01, 1.002, 0.998], 10)
HOURS = np.arange(0, 49, 1 / 12)
KEPT = record(
    (12_500_000 * np.resize(WOBBLE, 20_000)).astype(np.int64),
    block=np.arange(20_000) // 1_000,
    bounds_ns=[50_000_000, 1_000_000_000, 12_520_000],
)
HELD = settled(HOURS, 13_000 + 0.5 * HOURS, HOURS // 12)
SIZES = {"Q2_K": 3e9, "Q4_K": 4.6e9, "Q8_0": 8.1e9}
FINDINGS = [
    floor(80 * WOBBLE, limit=75.0),
    floor(80 * WOBBLE, limit=79.9),
    floor([], limit=75.0),
    equivalence(80 * WOBBLE, limits=(78.0, 82.0)),
    equivalence(80 * WOBBLE, limits=(79.99, 82.0)),
    quantile(KEPT, quantile=0.95, bound=50.0, steps=20_000, minutes=5),
    quantile(KEPT, quantile=0.5, bound=12.52, steps=20_000, minutes=5),
    share_of_time(KEPT, above_ms=1_000, limit_percent=0.5, steps=20_000),
    spike(count=0, longest=13.0, limit=200.0, values=20_000, hours=0.5),
    zero(1, hours=48),
    value_range(14.0, direction="<=", limit=14.0, unit="GB"),
    drift(HELD),
    drift(HELD.until(20.0)),
    hourly_floor(HELD),
    total_delta(HELD),
    latency_slope(np.arange(48.0), 12 * np.resize(WOBBLE, 48)),
    utilisation(94 * WOBBLE),
    availability(3, 48, recovery_minutes=Interval(1.0, 0.5, 2.0, 10)),
    loss([2] * 12, [60] * 12, exposed=[12] * 12),
    recovery(WOBBLE, ["a", "b", "c", "d", "e"] * 2, unit="min"),
    efficiency(720 * WOBBLE[:5], 80 * WOBBLE[:5], streams=12),
    compare(80 * WOBBLE, 78 * WOBBLE[::-1]),
    peak({"Q2_K": 115 * WOBBLE, "Hybrid": 113 * WOBBLE[::-1]}),
    champion({"Q2_K": 115 * WOBBLE, "Hybrid": 113 * WOBBLE[::-1]}, "Q2_K"),
    bottleneck({name: size / 4e8 * WOBBLE for name, size in SIZES.items()}, SIZES, read_bandwidth=560e9),
    plausibility(80, weight_bytes=13e9, datasheet_bandwidth=624e9).finding(),
    throttled(hard=[True] * 10),
]


@pytest.mark.parametrize("found", FINDINGS, ids=[f"{at} {found.verdict}" for at, found in enumerate(FINDINGS)])
def test_a_finding_is_plain_and_says_why_and_what_next(found: Finding) -> None:
    plain = json.loads(json.dumps(asdict(found), allow_nan=False))

    assert plain["reason"]
    assert (found.next is not None) is (found.verdict in (Verdict.INCONCLUSIVE, Verdict.INVALID))
    for value in (found.estimate, found.lower, found.upper, found.acceptance_limit):
        assert value is None or type(value) is float
    assert found.n is None or type(found.n) is int


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (80.0, "80"), (75.123375, "75.12"), (12_345.6, "12,346"), (0.00123456, "0.001235"), (-5.5, "-5.5")],
)
def test_numbers_read_with_four_digits(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("hours", "text"), [(0.001, "4 s"), (0.2, "12 minutes"), (2.99, "180 minutes"), (19.87, "20 hours")]
)
def test_durations_are_rounded_up_to_what_a_planner_needs(hours: float, text: str) -> None:
    assert duration(hours) == text
