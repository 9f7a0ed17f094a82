from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.load.schedule import (
    ARRIVALS,
    ClosedLoop,
    OpenLoop,
    arrivals,
    burst,
    constant,
    gamma,
    poisson,
    ramp,
    trace,
)
from pytest_rawrxd.profile.protocol import Load


def test_a_constant_rate_has_equal_gaps_that_do_not_drift():
    offsets = constant(100_001, rate=30).offsets_ns

    assert offsets[0] == 0
    assert offsets[-1] == round(100_000 / 30 * 1e9)
    assert set(np.diff(offsets).tolist()) <= {33_333_333, 33_333_334}


def test_a_poisson_schedule_has_its_rate_and_exponential_gaps():
    schedule = poisson(20_000, rate=50, seed=1)
    gaps = np.diff(schedule.offsets_ns) / 1e9

    assert gaps.mean() == pytest.approx(1 / 50, rel=0.03)
    assert gaps.std() == pytest.approx(1 / 50, rel=0.03)
    assert (schedule.kind, schedule.parameters["rate"], schedule.parameters["seed"]) == ("poisson", 50, 1)


@pytest.mark.parametrize("shape", [0.25, 4.0])
def test_a_gamma_schedule_keeps_its_rate_at_any_burstiness(shape):
    gaps = np.diff(gamma(20_000, rate=50, shape=shape, seed=2).offsets_ns) / 1e9

    assert gaps.mean() == pytest.approx(1 / 50, rel=0.06)
    assert gaps.std() / gaps.mean() == pytest.approx(shape**-0.5, rel=0.06)


def test_the_same_seed_gives_the_same_instants_and_another_seed_others():
    one, again, other = (poisson(100, rate=5, seed=seed).offsets_ns for seed in (7, 7, 8))

    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_burst_begins_all_its_requests_at_one_instant():
    assert burst(3, size=2, every_s=0.5).offsets_ns.tolist() == [0, 0, 500_000_000, 500_000_000, 10**9, 10**9]


def test_a_ramp_moves_its_rate_from_the_first_to_the_last():
    offsets = ramp(rate_from=10, rate_to=50, over_s=60).offsets_ns / 1e9

    assert offsets.size == 1800
    assert np.count_nonzero(offsets < 1) == 11
    assert np.count_nonzero(offsets >= 59) == pytest.approx(50, abs=1)
    assert offsets[-1] < 60


def test_a_ramp_without_slope_is_a_constant_rate():
    assert np.array_equal(ramp(rate_from=4, rate_to=4, over_s=5).offsets_ns, constant(20, rate=4).offsets_ns)


def test_a_trace_begins_with_its_first_arrival():
    assert trace([10.0, 10.5, 12.0]).offsets_ns.tolist() == [0, 500_000_000, 2_000_000_000]


@given(st.integers(1, 200), st.floats(0.1, 1e4), st.integers(0, 2**32))
def test_no_schedule_goes_back_in_time(requests, rate, seed):
    for schedule in (constant(requests, rate=rate), poisson(requests, rate=rate, seed=seed)):
        assert schedule.offsets_ns.size == requests
        assert (np.diff(schedule.offsets_ns) >= 0).all()


@pytest.mark.parametrize("kind", ARRIVALS)
def test_arrivals_of_every_kind_have_the_rate_that_was_asked_for(kind):
    schedule = arrivals(kind, 6000, rate=50, together=12, seed=1)

    assert (schedule.kind, schedule.offsets_ns.size) == (kind, 6000)
    assert schedule.offsets_ns[-1] / 1e9 == pytest.approx(6000 / 50, rel=0.05)


@pytest.mark.parametrize(("kind", "size"), [("poisson", 1), ("constant", 1), ("ramp", 1), ("burst", 12)])
def test_the_shortest_of_every_kind_is_one_arrival_or_one_burst(kind, size):
    assert arrivals(kind, 1, rate=0.01, together=12, seed=1).offsets_ns.tolist() == [0] * size


def test_a_profile_can_ask_for_every_kind_of_arrivals():
    assert get_args(Load.model_fields["arrivals"].annotation) == ARRIVALS


REFUSED = {
    "arrivals of no kind": lambda: arrivals("lunar", 5, rate=1, together=1, seed=1),
    "no rate": lambda: constant(5, rate=0),
    "a negative rate": lambda: poisson(5, rate=-1, seed=1),
    "a shape that is no number": lambda: gamma(5, rate=1, shape=float("nan"), seed=1),
    "bursts of nobody": lambda: burst(5, size=0, every_s=1),
    "no burst": lambda: burst(0, size=5, every_s=1),
    "an endless rate": lambda: ramp(rate_from=1, rate_to=float("inf"), over_s=1),
    "an empty trace": lambda: trace([]),
    "a trace that goes back": lambda: trace([1.0, 0.5]),
    "a trace with a hole": lambda: trace([1.0, float("nan")]),
    "an instant before the start": lambda: OpenLoop(np.array([-1]), "trace"),
    "no clients": lambda: ClosedLoop(0),
}


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED)
def test_what_is_no_schedule_is_refused(build):
    with pytest.raises(UsageProblem):
        build()
