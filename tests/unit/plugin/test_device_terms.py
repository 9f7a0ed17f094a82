"""How long an answer may take while a device is taken away and given back."""

from dataclasses import replace

import pytest

from pytest_rawrxd.plugin.faults import SMALL_TOKENS, device_terms, fault_terms
from pytest_rawrxd.profile import load_profile


@pytest.mark.parametrize(("deadline_s", "ready_s", "patience_s"), [(1.0, 180.0, 180.0), (300.0, 60.0, 300.0)])
def test_the_answer_that_waits_for_kernels_has_the_time_of_a_load(deadline_s, ready_s, patience_s):
    terms = replace(fault_terms(load_profile("embedded")), deadline_s=deadline_s, ready_s=ready_s)

    assert device_terms(terms, None) == replace(terms, deadline_s=patience_s)


def test_the_small_model_that_stands_in_gives_short_answers():
    assert device_terms(fault_terms(load_profile("embedded")), "lavapipe").tokens == SMALL_TOKENS
