"""Each planted defect is caught by the rule that judges, the control is not, and a blind detector is found out."""

from __future__ import annotations

import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.rig.engine.scenes import SCENES
from pytest_rawrxd.verdict import checks, selfcheck
from pytest_rawrxd.verdict.correctness import wrong_answers
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.plausibility import Plausibility
from pytest_rawrxd.verdict.selfcheck import CONTROL, DETECTORS, Detector, SelfCheck, self_check


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_catches_its_defect_and_is_silent_on_the_control(name: str) -> None:
    detector = DETECTORS[name]

    assert (detector.says(SCENES[detector.scene]) or "").startswith(detector.expects)
    assert detector.says(SCENES[detector.scene])
    assert detector.says(CONTROL) is None


def test_every_scene_but_the_control_is_planted() -> None:
    assert {detector.scene for detector in DETECTORS.values()} == set(SCENES) - {CONTROL.name}


def test_the_whole_check_passes_twice_with_the_same_words() -> None:
    first, second = self_check(), self_check()

    assert first.violation() is None
    assert set(first.caught) == set(DETECTORS)
    assert first.to_dict() == second.to_dict()
    assert SelfCheck.from_dict(first.to_dict()).to_dict() == first.to_dict()


def blind(*_: object, **__: object) -> None:
    return None


def kept(*_: object, **__: object) -> Finding:
    return Finding(Verdict.PASS, "always")


@pytest.mark.parametrize(
    ("where", "name", "sabotage", "missed"),
    [
        (checks, "early_end", blind, {"early end"}),
        (checks, "received_tokens", blind, {"token count"}),
        (checks, "coalesced", blind, {"coalesced chunks"}),
        (selfcheck, "throttled", blind, {"throttle bits", "throttle clock"}),
        (selfcheck, "drift", kept, {"leak"}),
        (selfcheck, "share_of_time", kept, {"stalled time"}),
        (selfcheck, "spike", kept, {"longest gap"}),
        (selfcheck, "zero", kept, {"crash", "hang", "wrong token"}),
        (selfcheck, "floor", kept, {"zero variance", "noise", "slow engine"}),
        (selfcheck, "plausibility", lambda *_, **__: Plausibility("normal", 0.5, "fine"), {"impossible speed"}),
    ],
)
def test_a_blind_detector_is_found_out(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, sabotage: object, missed: set[str]
) -> None:
    monkeypatch.setattr(where, name, sabotage)

    found = self_check()

    assert set(found.missed) == missed
    assert found.violation() is not None


def test_a_rule_that_stays_undecided_on_a_defect_has_not_caught_it(monkeypatch: pytest.MonkeyPatch) -> None:
    undecided = Finding(Verdict.INCONCLUSIVE, "who knows", next="wait")
    monkeypatch.setattr(selfcheck, "drift", lambda *_: undecided)

    found = self_check()

    assert found.missed == ("leak (INCONCLUSIVE: who knows)",)
    assert found.alarmed == ("leak (INCONCLUSIVE: who knows)",)


def test_a_detector_that_always_alarms_is_found_out() -> None:
    found = self_check({"leak": Detector("leak", lambda _: "I see leaks")})

    assert found.caught == {"leak": "I see leaks"}
    told = found.violation()
    assert told is not None
    assert "false alarm leak (I see leaks)" in told.sentence()


def test_a_detector_that_breaks_has_caught_nothing() -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("by design")

    found = self_check({"leak": Detector("leak", broken)})

    assert found.missed == ("leak (ZeroDivisionError('by design'))",)
    assert found.alarmed == ("leak (ZeroDivisionError('by design'))",)


def test_a_check_that_planted_nothing_proves_nothing() -> None:
    told = self_check({}).violation()

    assert told is not None
    assert "missed everything" in told.sentence()


@pytest.mark.parametrize("data", [{}, {"caught": 1, "missed": [], "alarmed": []}, {"caught": {}, "missed": None}])
def test_a_record_that_is_no_self_check_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(EvidenceProblem, match="self-check"):
        SelfCheck.from_dict(data)


def test_answers_are_compared_token_by_token_and_by_length() -> None:
    reference = {"reference_offsets": [0, 2, 4], "reference_ids": [1, 2, 3, 4]}

    assert wrong_answers([0, 2, 4], [1, 2, 3, 4], **reference) == ()
    assert wrong_answers([0, 2, 4], [1, 2, 3, 5], **reference) == (1,)
    assert wrong_answers([0, 1, 3], [1, 3, 4], **reference) == (0,)
    with pytest.raises(EvidenceProblem, match="different prompts"):
        wrong_answers([0, 2], [1, 2], **reference)
