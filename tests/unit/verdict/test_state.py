"""States, sentences and exit codes follow from verdicts, and no data is never a pass."""

import pytest

from pytest_rawrxd.verdict.outcome import State, Verdict
from pytest_rawrxd.verdict.state import accepted, deciding, describe_phase, phase_state


def entry(verdict, *, name="P1-X", phase=1, informative=False, claimed=True):
    return {
        "id": name,
        "phase": phase,
        "informative": informative,
        "verdict": str(verdict),
        "claimed_by": ["acceptance/test_x.py::test_x"] if claimed else [],
    }


PASS, FAIL, OPEN = entry(Verdict.PASS), entry(Verdict.FAIL), entry(Verdict.INCONCLUSIVE)
UNCLAIMED = entry(Verdict.NOT_MEASURED, claimed=False)


@pytest.mark.parametrize(
    ("entries", "state"),
    [
        ([], State.INCOMPLETE),
        ([PASS], State.APPROVED),
        ([PASS, entry(Verdict.NOT_APPLICABLE)], State.APPROVED),
        ([PASS, entry(Verdict.WAIVED)], State.APPROVED_WITH_WAIVERS),
        ([PASS, OPEN], State.INCOMPLETE),
        ([PASS, entry(Verdict.INVALID)], State.INCOMPLETE),
        ([PASS, entry(Verdict.NOT_MEASURED)], State.INCOMPLETE),
        ([PASS, UNCLAIMED], State.INCOMPLETE),
        ([PASS, entry(Verdict.WAIVED), OPEN], State.INCOMPLETE),
        ([PASS, FAIL, OPEN, entry(Verdict.WAIVED)], State.REJECTED),
    ],
)
def test_the_worst_verdict_decides_the_phase(entries, state):
    assert phase_state(entries) is state


@pytest.mark.parametrize(
    ("entries", "acceptance", "rehearsal"),
    [
        ([PASS], True, True),
        ([PASS, UNCLAIMED], False, True),
        ([PASS, FAIL], False, False),
        ([PASS, OPEN], False, False),
        ([PASS, entry(Verdict.INVALID)], False, False),
        ([PASS, entry(Verdict.NOT_MEASURED)], False, False),
        ([PASS, entry(Verdict.WAIVED)], True, True),
        ([PASS, entry(Verdict.FAIL, informative=True)], True, True),
        ([PASS, entry(Verdict.FAIL, phase=2)], True, True),
    ],
)
def test_a_session_is_accepted_over_the_phases_it_ran(entries, acceptance, rehearsal):
    assert accepted(entries, [1], rehearsal=False) is acceptance
    assert accepted(entries, [1], rehearsal=True) is rehearsal


def test_an_acceptance_phase_without_criteria_is_not_accepted():
    assert not accepted([PASS], [2], rehearsal=False)


def test_the_sentence_names_what_stands_in_the_way():
    named = [entry(Verdict.FAIL, name=f"P1-F{i}") for i in range(5)]
    described = describe_phase([PASS, *named, entry(Verdict.INVALID, name="P1-I"), UNCLAIMED], rehearsal=True)

    assert described["sentence"] == (
        "1 of 8 criteria kept; not kept: P1-F0, P1-F1, P1-F2, P1-F3 and 1 more; "
        "invalid evidence: P1-I; without a test: 1."
    )
    assert described["state"] == "REJECTED"
    assert described["rehearsal"] is True
    assert described["unclaimed"] == 1
    assert described["counts"]["FAIL"] == 5


def test_informative_criteria_never_decide():
    assert deciding([entry(Verdict.FAIL, informative=True), PASS], 1) == [PASS]


@pytest.mark.parametrize(
    ("entries", "state"),
    [
        ([PASS], State.INCOMPLETE),
        ([PASS, entry(Verdict.WAIVED)], State.INCOMPLETE),
        ([PASS, FAIL], State.REJECTED),
    ],
)
def test_a_phase_with_a_validity_error_is_incomplete_at_best(entries, state):
    described = describe_phase(entries, rehearsal=False, errors=["V-HOST"])

    assert described["state"] == state
    assert described["sentence"].endswith("cannot be signed, validity errors: V-HOST.")
