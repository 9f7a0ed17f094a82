"""A wrong or swapped answer is a failure whatever the speed."""

import pytest

pytestmark = [pytest.mark.phase2, pytest.mark.faults]


@pytest.mark.sla("P2-CORRECT")
def test_answers_under_load_are_correct(faults, sla):
    """Canaries that are asked at once, before any fault."""
    assert faults.wrong_answers(during="load") == sla["P2-CORRECT"]


@pytest.mark.sla("P2-CORRECT-FAULTS")
def test_answers_are_correct_before_during_and_after_faults(faults, sla):
    """Canaries, nonces of other streams, and three counts of the same tokens."""
    assert faults.wrong_answers(during="faults") == sla["P2-CORRECT-FAULTS"]
