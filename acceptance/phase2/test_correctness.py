"""A wrong or swapped answer is a failure whatever the speed."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.sla("P2-CORRECT")
def test_answers_under_load_are_correct(load_test, sla):
    """Canaries, alone and on all streams at once; no answer holds the nonce of another request."""
    assert load_test.wrong_answers == sla["P2-CORRECT"]


@pytest.mark.faults
@pytest.mark.sla("P2-CORRECT-FAULTS")
def test_answers_are_correct_before_during_and_after_faults(faults, sla):
    """Canaries, nonces of other streams, and three counts of the same tokens."""
    assert faults.wrong_answers == sla["P2-CORRECT-FAULTS"]
