"""The decision matrix follows its rules and says when it cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_rawrxd.report.decision import decision_matrix
from pytest_rawrxd.report.documents import guarantee, tensor_groups
from pytest_rawrxd.report.variant import variants


@pytest.fixture(scope="module")
def known(view):
    return variants(view)


def chosen(known, floor=75.0):
    return {choice.use: choice.variant for choice in decision_matrix(known, guarantee=floor)}


def test_each_use_gets_the_variant_its_rule_names(known):
    assert chosen(known) == {
        "Default production": "Q4_K",  # Hybrid and Q2_K are faster, but keep fewer top tokens
        "Speed-critical": "Q2_K",
        "Precision-critical": "Q6_K",  # Q8_0 is truer, but did not fit
        "Research": "Q8_0",
    }


def test_production_needs_the_lower_bound_above_the_guarantee_and_not_the_mean(known):
    q4 = next(variant for variant in known if variant.name == "Q4_K")
    assert chosen(known, q4.cell.lower)["Default production"] == "Q4_K"
    assert chosen(known, q4.cell.lower + 1e-6)["Default production"] == "Hybrid"


def test_without_quality_nothing_is_recommended_on_quality(known):
    blind = [replace(variant, quality=None) if variant.name == "Q4_K" else variant for variant in known]
    choices = {choice.use: choice for choice in decision_matrix(blind, guarantee=75)}
    assert choices["Default production"].variant is None
    assert choices["Default production"].because == "not measured for Q4_K"
    assert choices["Speed-critical"].variant == "Q2_K"


def test_without_a_promise_production_is_not_decided(known):
    assert chosen(known, None)["Default production"] is None


def test_nothing_measured_decides_nothing():
    assert set(chosen([]).values()) == {None}


def test_equal_quality_goes_to_the_faster_variant_in_any_order(known):
    equal = [replace(variant, quality=known[0].quality) for variant in known]
    assert chosen(equal) == chosen(equal[::-1])
    assert chosen(equal)["Precision-critical"] == "Q2_K"


def test_the_guarantee_is_the_floor_that_the_verdicts_hold(view):
    assert guarantee(view) == 75


def test_the_hybrid_is_shown_tensor_by_tensor(known):
    groups = dict(tensor_groups(next(variant for variant in known if variant.name == "Hybrid")))
    assert groups["blk.*.attn_v.weight"] == "2 Q6_K"
    assert groups["blk.*.ffn_up.weight"] == "2 Q2_K"
    assert groups["token_embd.weight"] == "1 Q6_K"
