"""Broken validity rules reach verdicts.json, the phases that rest on the evidence, and the exit code."""

from __future__ import annotations

import jsonschema
import pytest

from pytest_rawrxd.measure.decode import Cell
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.schema import schema
from pytest_rawrxd.rig.engine.scenes import SCENES
from pytest_rawrxd.verdict.audit import audit
from pytest_rawrxd.verdict.judge import judge
from pytest_rawrxd.verdict.state import accepted

BLIND = {"caught": {"leak": "seen"}, "missed": ["crash"], "alarmed": []}


def guarantee(verdicts):
    return next(entry for entry in verdicts["criteria"] if entry["id"] == "SLA-TPS-GUARANTEE")


def rules(verdicts):
    return {entry["rule"]: entry for entry in verdicts["validity"]}


def test_good_evidence_breaks_no_rule(campaign):
    verdicts = judge(campaign().session())

    assert verdicts["validity"] == []
    assert guarantee(verdicts)["verdict"] == "PASS"
    jsonschema.Draft202012Validator(schema()).validate(verdicts)


def test_a_failed_self_check_spoils_every_finding_of_its_session(campaign):
    verdicts = judge(campaign().session(check=BLIND))

    found = guarantee(verdicts)
    assert found["verdict"] == "INVALID"
    assert "session s001: missed crash" in found["reason"]
    assert found["next"] == "the instrument is broken: report it, do not sign"
    assert found["evidence"]
    assert rules(verdicts)["V-SELFCHECK"]["phases"] == [1]
    assert "cannot be signed, validity errors: V-SELFCHECK" in verdicts["state"]["1"]["sentence"]
    jsonschema.Draft202012Validator(schema()).validate(verdicts)


def test_evidence_of_another_session_does_not_wash_it_clean(campaign):
    run = campaign()
    run.session(check=BLIND)

    assert guarantee(judge(run.session(seed=1)))["verdict"] == "INVALID"


def test_a_session_without_a_self_check_has_proven_nothing(campaign):
    verdicts = judge(campaign().session(check=None))

    assert guarantee(verdicts)["verdict"] == "INVALID"
    assert rules(verdicts)["V-SELFCHECK"]["found"] == "session s001 has no self-check"


def test_a_broken_promise_of_a_blind_session_is_invalid_and_not_failed(campaign):
    profile = load_profile("embedded")
    slow = profile.criteria["SLA-TPS-GUARANTEE"].model_copy(update={"limit": 500.0})
    run = campaign(profile=profile)

    from_disk = run.session(check=BLIND)
    from_disk.campaign.profile.criteria["SLA-TPS-GUARANTEE"] = slow

    assert guarantee(judge(from_disk))["verdict"] == "INVALID"


def test_every_rule_stands_once_with_all_its_records(campaign):
    evidence = campaign().session((Cell("Q4_K", 64), Cell("Q2_K", 64)), scene=SCENES["eos"])

    found = {breach.violation.rule.id: breach for breach in audit(evidence)}

    assert set(found) == {"V-EOS", "V-TOKENS"}
    assert len(found["V-EOS"].evidence) == 10
    assert found["V-EOS"].violation.found == "Q2_K, 64 tokens, process 0: 1 of 1 ended by stop (and 9 more)"


def test_an_error_in_evidence_that_a_phase_rests_on_forbids_signing_it(campaign):
    verdicts = judge(campaign(backend="cpu").session(foreign_s=1e6))

    entry = rules(verdicts)["V-HOST"]
    assert entry["severity"] == "error"
    assert entry["phases"] == [1]
    assert entry["fix"]
    assert verdicts["state"]["1"]["state"] == "INCOMPLETE"
    assert verdicts["state"]["2"]["sentence"].count("validity") == 0


@pytest.mark.parametrize("rehearsal", [True, False])
@pytest.mark.parametrize(("severity", "kept"), [("error", False), ("warning", True), ("note", True)])
def test_only_an_error_changes_the_exit_code(rehearsal, severity, kept):
    entry = {"phase": 1, "informative": False, "verdict": "PASS", "claimed_by": ["x"], "id": "P1-X"}
    broken = {"rule": "V-HOST", "severity": severity, "phases": [1]}

    assert accepted([entry], [1], rehearsal=rehearsal, validity=[broken]) is kept
    assert accepted([entry], [1], rehearsal=rehearsal, validity=[{**broken, "phases": [2]}]) is True
