"""The plan of a soak: what is due when, the same for every run."""

from __future__ import annotations

from collections import Counter

import pytest
from fakes.soak import terms_of

from pytest_rawrxd.measure.soak.plan import schedule_of, steps
from pytest_rawrxd.profile import load_profile


@pytest.fixture(scope="module")
def terms():
    return terms_of(load_profile("rx7800xt"))


def test_the_numbers_are_those_of_the_profile(terms):
    assert (terms.duration_s, terms.streams, terms.tokens) == (48 * 3600, 12, 256)
    assert (terms.burst_every_s, terms.burst_requests, terms.restart_every_s) == (30, (50, 100), 12 * 3600)
    assert 50_000_000 in terms.bounds_ns


def test_bursts_idle_phases_and_restarts_come_in_their_order(terms):
    every = list(steps(terms))

    counted = Counter(step.kind for step in every)
    assert counted["restart"] == 3  # at 12, 24 and 36 h; 48 h is the end
    assert [step.due_s for step in every] == sorted(step.due_s for step in every)
    assert [step.number for step in every] == list(range(len(every)))
    assert all(50 <= step.size <= 100 for step in every if step.kind == "burst")
    assert all(300 <= step.size <= 600 for step in every if step.kind == "idle" and step.due_s < 47 * 3600)


def test_the_last_burst_begins_at_the_very_end_so_that_the_bursts_span_the_duration(terms):
    last = list(steps(terms))[-1]

    assert (last.kind, last.due_s) == ("burst", 48 * 3600)


def test_the_same_seed_plans_the_same_soak_and_another_one_another(terms):
    other = terms_of(load_profile("rx7800xt"), seed=terms.seed + 1)

    assert list(steps(terms)) == list(steps(terms))
    assert list(steps(terms)) != list(steps(other))


def test_a_rehearsal_has_restarts_and_idle_phases_too():
    counted = Counter(step.kind for step in steps(schedule_of(load_profile("embedded"))))

    assert (counted["restart"], counted["idle"] >= 2, counted["burst"] >= 15) == (2, True, True)
