"""Every session proves its detectors first; a blind one spoils the session."""

import json

import pytest

from pytest_rawrxd.verdict import checks, selfcheck

GUARANTEE = "SLA-TPS-GUARANTEE"


def test_a_session_records_that_its_detectors_caught_what_was_planted(acceptance):
    result = acceptance.run()

    assert result.ret == 0
    result.stdout.fnmatch_lines([f"*rawrxd: self-check: all {len(selfcheck.DETECTORS)} planted defects caught"])
    [record] = acceptance.records("self-check")
    assert set(record["data"]["caught"]) == set(selfcheck.DETECTORS)
    assert record["data"]["missed"] == record["data"]["alarmed"] == []


@pytest.mark.parametrize(
    ("where", "name", "missed"), [(checks, "early_end", "early end"), (selfcheck, "throttled", "throttle bits")]
)
def test_a_sabotaged_detector_makes_the_session_invalid(acceptance, monkeypatch, where, name, missed):
    monkeypatch.setattr(where, name, lambda *_, **__: None)

    result = acceptance.run()

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            f"*rawrxd: self-check: *was not caught*missed {missed}*",
            f"*Invalid: {GUARANTEE}*",
            "V-SELFCHECK error: a planted defect was not caught*",
        ]
    )
    assert acceptance.verdicts()[GUARANTEE]["verdict"] == "INVALID"
    state = json.loads((acceptance.run_dir / "verdicts.json").read_text())["state"]["1"]
    assert "validity errors: V-SELFCHECK" in state["sentence"]
    page = (acceptance.run_dir / "signoff-phase1.html").read_text()
    assert "this phase cannot be signed" in page
    assert "V-SELFCHECK" in page


def test_judging_a_blind_session_on_a_sound_machine_stays_invalid(acceptance, monkeypatch):
    with monkeypatch.context() as sabotage:
        sabotage.setattr(checks, "early_end", lambda *_, **__: None)
        acceptance.run()

    result = acceptance.pytester.run("rawrxd", "judge", str(acceptance.run_dir))

    assert result.ret == 1
    assert acceptance.verdicts()[GUARANTEE]["verdict"] == "INVALID"
