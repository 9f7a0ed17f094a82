"""What can be signed, as what, and by whom."""

import base64
import json
import os
import stat
import subprocess
import sys

import pytest

from pytest_rawrxd.cli import main
from pytest_rawrxd.errors import CampaignProblem, EvidenceProblem, UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.canonical import file_digest
from pytest_rawrxd.report.signing.keys import generate, load_keys, load_signer
from pytest_rawrxd.report.signing.sign import sign
from pytest_rawrxd.report.signing.statement import RESULT, statement
from pytest_rawrxd.report.signing.verify import verify
from pytest_rawrxd.verdict.judge import judge

from .conftest import AT, PROMISED, ROLES, TODAY, acceptance

POSIX = pytest.mark.skipif(os.name != "posix", reason="mode bits are POSIX's")


def payload(path):
    return json.loads(base64.b64decode(json.loads(path.read_bytes())["payload"]))


def test_results_and_acceptance_are_in_toto_statements_about_the_measured_item(run):
    result, approval = (payload(path) for path in run.sign("Technical Lead"))

    assert result["_type"] == approval["_type"] == "https://in-toto.io/Statement/v1"
    assert result["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert approval["predicateType"] == "https://in-toto.io/attestation/svr/v0.2"
    assert result["subject"] == approval["subject"]
    assert result["subject"][0]["name"] == "scripted engine 1, scripted"
    assert result["predicate"]["result"] == "PASSED"
    assert result["predicate"]["passedTests"] == [PROMISED]
    assert result["predicate"]["configuration"][0]["digest"]["sha256"] == acceptance().digest
    assert approval["predicate"]["timeCreated"] == AT
    assert approval["predicate"]["properties"] == ["RAWRXD_PHASE_1_ACCEPTED", "RAWRXD_PHASE_1_APPROVED"]
    assert approval["predicate"]["verifier"]["policies"][0]["digest"]["sha256"] == acceptance().digest
    said = approval["predicate"]["pkg:pypi/pytest-rawrxd#signed/1"]
    assert said["role"] == "Technical Lead"
    assert said["evidence"][0] == {
        "name": "SHA256SUMS",
        "digest": {"sha256": file_digest(run.path / "SHA256SUMS")},
    }
    assert said["evidence"][1] == {
        "name": "verdicts.json",
        "digest": {"sha256": file_digest(run.path / "verdicts.json")},
    }


def test_models_are_subjects_by_their_own_digest(run):
    verdicts = judge(Evidence.read(run.path))
    verdicts["run"]["identity"]["models"] = {"Q8_0": "b" * 64, "Q4_K": "a" * 64}
    verdicts["run"]["identity"]["engine"]["library_sha256"] = "c" * 64

    subject = statement(RESULT, verdicts, 1, "Technical Lead", sums="", at=AT)["subject"]

    assert [each["digest"]["sha256"][0] for each in subject] == ["c", "a", "b"]


def test_a_rehearsal_is_never_accepted_and_its_results_never_pass(measured):
    run = measured(acceptance(kind="rehearsal"))

    with pytest.raises(UsageProblem, match="a REHEARSAL can never be signed as accepted") as caught:
        run.sign("Technical Lead")
    assert "--results-only" in str(caught.value)
    assert not (run.path / "signatures").exists()

    result = run.sign("Technical Lead", accept=False)
    assert [path.name for path in result] == ["phase1.technical-lead.test-result.json"]
    assert payload(result[0])["predicate"]["result"] == "WARNED"
    found = verify(run.path, run.keys, today=TODAY)
    assert found.problems == ()
    assert not found.phases[0].is_accepted


def test_another_item_than_the_target_is_a_rehearsal(measured):
    profile = acceptance()
    run = measured(acceptance(target=profile.target.model_copy(update={"engine": "rawrxd"})))

    with pytest.raises(UsageProblem, match="REHEARSAL"):
        run.sign("Technical Lead")


@pytest.mark.parametrize(("limit", "state"), [(1000.0, "REJECTED"), (None, "INCOMPLETE")])
def test_a_blocked_phase_is_not_accepted(measured, limit, state):
    criterion = acceptance().criteria[PROMISED]
    if limit is None:  # a second promise that nobody measured
        more = {PROMISED: criterion, "P1-OTHER": criterion.model_copy(update={"id": "P1-OTHER"})}
    else:
        more = {PROMISED: criterion.model_copy(update={"limit": limit})}
    run = measured(acceptance(criteria=more))

    with pytest.raises(UsageProblem, match="phase 1 cannot be signed as accepted") as caught:
        run.sign("Technical Lead")
    assert state in str(caught.value)
    assert payload(run.sign("Technical Lead", accept=False)[0])["predicate"]["result"] == "FAILED"


def test_a_phase_without_any_evidence_is_not_accepted(run):
    with pytest.raises(UsageProblem, match="phase 2 cannot be signed"):
        run.sign("Technical Lead", phase=2)


def test_the_phase_that_was_measured_is_the_one_that_is_meant(run):
    assert [path.name for path in run.sign("Technical Lead", phase=None)] == [
        "phase1.technical-lead.test-result.json",
        "phase1.technical-lead.svr.json",
    ]


def test_a_role_that_the_profile_does_not_name_cannot_sign(run):
    with pytest.raises(UsageProblem, match="no such role") as caught:
        sign(run.path, "DevOps Led", run.signer(ROLES[0]), phase=1, accept=True, at=AT, today=TODAY)
    assert "DevOps Lead?" in str(caught.value)


def test_nobody_signs_what_does_not_hold(run):
    page = run.path / "signoff-phase1.html"
    page.write_text(page.read_text() + " ")

    with pytest.raises(CampaignProblem, match="is not signed") as caught:
        run.sign("Technical Lead")
    assert "signoff-phase1.html" in str(caught.value)


def test_signing_again_changes_nothing(run):
    before = [path.read_bytes() for path in run.sign("Technical Lead")]

    assert [path.read_bytes() for path in run.sign("Technical Lead", at="2026-02-01T00:00:00+00:00")] == before


def test_an_earlier_statement_about_something_else_is_not_overwritten(run):
    path = run.sign("Technical Lead")[1]
    kept = run.sign("DevOps Lead")[1].read_bytes()
    path.write_bytes(kept)

    with pytest.raises(UsageProblem, match="has signed something else"):
        run.sign("Technical Lead")


def test_a_signed_run_is_not_judged_into_something_else(run):
    run.sign()
    assert run.judge()["state"]["1"]["state"] == "APPROVED"
    (run.path / "signoff-phase1.html").write_text("another version's page")

    with pytest.raises(EvidenceProblem, match="is signed, and judging it again gives other files") as caught:
        run.judge()
    assert "signoff-phase1.html" in str(caught.value)


@POSIX
def test_a_private_key_is_its_owner_s_alone(tmp_path):
    private, public = generate(tmp_path / "keys", "DevOps Lead", None)

    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert not stat.S_IMODE(public.stat().st_mode) & 0o022


@POSIX
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_private_key_that_others_reach_is_refused(tmp_path, mode):
    private, _ = generate(tmp_path, "DevOps Lead", None)
    private.chmod(mode)

    with pytest.raises(UsageProblem, match="others may read") as caught:
        load_signer(private, lambda _: "")
    assert f"chmod 600 {private}" in str(caught.value)


def test_a_key_is_never_overwritten(tmp_path):
    private, public = generate(tmp_path, "DevOps Lead", None)
    before = private.read_bytes(), public.read_bytes()

    with pytest.raises(UsageProblem, match="never overwritten"):
        generate(tmp_path, "DevOps Lead", None)
    assert (private.read_bytes(), public.read_bytes()) == before


def test_no_key_is_made_in_a_run(run):
    with pytest.raises(UsageProblem, match="does not belong into a run directory"):
        generate(run.path, "DevOps Lead", None)


def test_an_encrypted_key_opens_with_its_passphrase_only(tmp_path):
    private, _ = generate(tmp_path, "DevOps Lead", "open")

    assert b"ENCRYPTED" in private.read_bytes()
    assert load_signer(private, lambda _: "open").public_key.keytype == "ed25519"
    with pytest.raises(UsageProblem, match="passphrase does not open"):
        load_signer(private, lambda _: "shut")


@pytest.mark.parametrize("content", [b"", b"no key", b"\xff\x00"])
def test_what_is_no_key_is_refused(tmp_path, content):
    for name in ("a.key", "a.pub"):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)

    with pytest.raises(UsageProblem, match="no private ed25519 key"):
        load_signer(tmp_path / "a.key", lambda _: "")
    with pytest.raises(UsageProblem, match="no public ed25519 key"):
        load_keys(tmp_path)


def test_a_missing_key_is_a_usage_error(tmp_path):
    with pytest.raises(UsageProblem, match="cannot be read"):
        load_signer(tmp_path / "none.key", lambda _: "")
    with pytest.raises(UsageProblem, match="no public keys"):
        load_keys(tmp_path / "none")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sign", ".", "--role", "DevOps Lead"], "signing needs a private key"),
        (["verify", ".", "--expect", "engine"], "no field and value"),
        (["verify", ".", "--keys", "nowhere"], "no public keys"),
        (["report", "."], "which form?"),
    ],
)
def test_the_command_says_what_it_lacks(tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 4
    assert says in capsys.readouterr().err


def test_the_command_makes_keys_signs_and_verifies(run, tmp_path, capsys):
    keys = tmp_path / "mine"
    for role in ROLES:
        assert main(["sign", "keygen", "--role", role, "--to", str(keys)]) == 0
    private = keys / "devops-lead.key"
    assert main(["sign", str(run.path), "--role", "DevOps Lead", "--key", str(private)]) == 0
    assert main(["verify", str(run.path), "--keys", str(keys)]) == 0
    assert "NOT ACCEPTED" in capsys.readouterr().out
    assert main(["verify", str(run.path), "--keys", str(keys), "--accepted", "1"]) == 1

    for role, name in zip(ROLES, ("gpu-engineering-lead", "devops-lead", "technical-lead"), strict=True):
        assert main(["sign", str(run.path), "--role", role, "--key", str(keys / f"{name}.key")]) == 0
    assert main(["verify", str(run.path), "--keys", str(keys), "--accepted", "1"]) == 0
    assert main(["verify", str(run.path), "--keys", str(keys), "--accepted", "1", "2"]) == 1
    assert main(["verify", str(run.path), "--keys", str(keys), "--profile", "embedded"]) == 1
    assert "stale evidence: profile is" in capsys.readouterr().out


def test_an_auditor_needs_nothing_that_measures_and_a_gpu_machine_nothing_that_signs():
    asks = (
        "import sys, pytest_rawrxd.cli\n"
        "print('securesystemslib' in sys.modules)\n"
        "import pytest_rawrxd.report.signing.verify\n"
        "print(sorted({'llama_cpp', 'pynvml', 'pytest', 'weasyprint'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split("\n") == ["False", "[]", ""]
