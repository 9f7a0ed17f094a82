"""One changed byte anywhere is found and named; what is signed but wrong, or of something else, is refused."""

import hashlib
import json
import shutil
from datetime import date

import pytest

from pytest_rawrxd.errors import EvidenceProblem, UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.canonical import canonical, file_digest
from pytest_rawrxd.evidence.waivers import record_waivers
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.profile.hardware import Roles
from pytest_rawrxd.report.bundle import write_files
from pytest_rawrxd.report.render import rendered, view_of
from pytest_rawrxd.report.signing.envelope import place, read_signed, write_signed
from pytest_rawrxd.report.signing.keys import generate, load_keys, load_signer
from pytest_rawrxd.report.signing.statement import APPROVAL, RESULT, statement
from pytest_rawrxd.report.signing.told import told
from pytest_rawrxd.report.signing.verify import verify
from pytest_rawrxd.report.sums import write_sums
from pytest_rawrxd.verdict.judge import judge

from .conftest import AT, PROMISED, ROLES, TODAY, acceptance


def checked(run, **given):
    return verify(run.path, run.keys, today=TODAY, **given)


def named(found):
    return {problem.file for problem in found.problems}


def every_file(run):
    return sorted(
        path.relative_to(run.path).as_posix()
        for path in run.path.rglob("*")
        if path.is_file() and path.name != ".session.lock"
    )


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0x01
    path.write_bytes(content)


def test_an_untouched_run_holds_and_says_who_accepted_it(run):
    run.sign()

    found = checked(run)

    assert found.problems == ()
    phase = found.phases[0]
    assert phase.is_accepted
    assert set(phase.accepted) == set(ROLES)
    assert "phase 1: APPROVED, ACCEPTED" in list(told(found))
    assert not found.phases[1].is_accepted


def test_one_flipped_byte_in_any_file_is_found_and_the_file_is_named(run):
    run.sign()
    files = every_file(run)
    assert {name.split("/")[0] for name in files} >= {"campaign.json", "ledger", "raw", "signatures", "charts"}
    for name in files:
        path = run.path / name
        whole = path.read_bytes()
        positions = {len(whole) // 2}
        if name.startswith(("ledger/", "SHA256SUMS")):
            positions.add(len(whole) - 1)  # a line without its end looks like one that was never finished
        for at in positions:
            flip(path, at)
            found = checked(run)
            assert name in named(found), f"{name}, byte {at}"
            assert not any(phase.is_accepted for phase in found.phases)
            path.write_bytes(whole)
    assert checked(run).problems == ()


def test_every_bit_of_a_signature_counts(run):
    """Base64 has bits that decode to nothing: a file with one of them turned over still would verify."""
    path = run.sign("DevOps Lead")[1]
    whole, keys = path.read_bytes(), run.keys
    ends = [whole.index(b'"', whole.index(b'"payload":"') + 11), *range(len(whole) - 120, len(whole))]
    for at in sorted({*range(0, len(whole), 11), *range(ends[0] - 4, ends[0] + 1), *ends}):
        flip(path, at)
        try:
            assert read_signed(path).keys_of(keys) == (), f"byte {at} of {whole!r}"
        except EvidenceProblem:
            continue
        finally:
            path.write_bytes(whole)


def test_a_removed_file_is_named_also_in_a_run_that_nobody_signed(run):
    charts = [name for name in every_file(run) if name.startswith("charts/")]
    for name in every_file(run):
        if name == "campaign.json" or name in charts[1:]:
            continue  # without its card it is no run; one chart speaks for the others
        kept = (run.path / name).read_bytes()
        (run.path / name).unlink()
        assert name in named(verify(run.path, run.keys, today=TODAY)), name
        (run.path / name).write_bytes(kept)


def test_without_one_signature_the_phase_is_not_accepted(run):
    paths = run.sign()
    paths[1].unlink()

    found = checked(run)

    assert found.problems == ()
    assert found.phases[0].missing == ("GPU Engineering Lead",)
    assert "  acceptance missing: GPU Engineering Lead" in list(told(found))


@pytest.mark.parametrize("name", ["raw/s001/more.npz", "ledger/notes.txt", "signoff-phase9.html", "charts/new.svg"])
def test_an_added_file_is_named(run, name):
    run.sign()
    (run.path / name).write_text("more")

    assert name in named(checked(run))


def test_a_removed_record_is_found_even_where_the_digests_are_written_anew(run):
    ledger = run.path / "ledger" / "s001-main.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    for changed in (lines[:3] + lines[4:], [lines[1], lines[0], *lines[2:]]):
        ledger.write_bytes(b"".join(changed))
        write_sums(run.path)
        assert "ledger/s001-main.jsonl" in named(checked(run))


def test_raw_evidence_is_held_by_its_record_not_only_by_the_list(run):
    raw = next((run.path / "raw").rglob("*.npz"))
    flip(raw, 100)
    write_sums(run.path)

    assert raw.relative_to(run.path).as_posix() in named(checked(run))


def test_a_page_with_another_number_is_found_even_where_the_digests_are_written_anew(run):
    page = run.path / "signoff-phase1.html"
    page.write_text(page.read_text().replace("APPROVED", "REJECTED"))
    write_sums(run.path)

    assert named(checked(run)) == {"signoff-phase1.html"}


def forged(run, criterion=PROMISED, verdict="PASS"):
    """Verdicts, pages and digests that fit each other, and signatures over them by the right keys."""
    evidence = Evidence.read(run.path)
    verdicts = judge(evidence)
    for entry in verdicts["criteria"]:
        if entry["id"] == criterion:
            entry["verdict"] = verdict
    verdicts["state"]["1"] |= {"state": "APPROVED", "sentence": "1 of 1 criteria kept."}
    write_files(rendered(view_of(evidence, verdicts)), run.path)
    write_sums(run.path)
    sums = file_digest(run.path / "SHA256SUMS")
    for role in ROLES:
        for kind in (RESULT, APPROVAL):
            said = statement(kind, verdicts, 1, role, sums=sums, at=AT)
            write_signed(place(run.path, 1, role, kind), said, run.signer(role))


def test_a_signed_but_wrong_verdict_is_refused(measured):
    profile = acceptance()
    broken = profile.criteria[PROMISED].model_copy(update={"limit": 1000.0})
    run = measured(acceptance(criteria={PROMISED: broken}))
    forged(run)

    found = checked(run)

    problems = {problem.file: problem.what for problem in found.problems}
    assert f"{PROMISED} is PASS there, FAIL from the evidence" in "\n".join(
        problem.what for problem in found.problems if problem.file == "verdicts.json"
    )
    assert "signoff-phase1.html" in problems
    assert "cannot be accepted" in problems["signatures/phase1.devops-lead.svr.json"]
    assert not found.phases[0].is_accepted


def test_the_forgery_would_hold_if_the_evidence_gave_it(run):
    """The control of the test above: the same hands on true verdicts leave nothing to refuse."""
    forged(run)

    assert checked(run).problems == ()


def test_a_signature_of_another_run_is_refused(run, measured):
    other = measured(acceptance(), version="2")
    other.sign()
    shutil.copytree(other.path / "signatures", run.path / "signatures")

    found = checked(run)

    said = {problem.file: problem.what for problem in found.problems}
    assert "is not the one" in said["SHA256SUMS"]
    assert "subject[0]" in said["signatures/phase1.devops-lead.svr.json"]
    assert not found.phases[0].is_accepted


def test_a_signature_does_not_pass_for_another_role_or_phase(run):
    run.sign("DevOps Lead")
    folder = run.path / "signatures"
    shutil.copy(folder / "phase1.devops-lead.svr.json", folder / "phase1.technical-lead.svr.json")
    shutil.copy(folder / "phase1.devops-lead.svr.json", folder / "phase2.devops-lead.svr.json")

    found = checked(run)

    assert named(found) == {"signatures/phase1.technical-lead.svr.json", "signatures/phase2.devops-lead.svr.json"}


def test_a_stranger_s_signature_counts_for_nobody(run, tmp_path):
    private, _ = generate(tmp_path / "strange", "DevOps Lead", None)
    run.sign("DevOps Lead")
    for path in (run.path / "signatures").glob("*"):
        write_signed(path, read_signed(path).statement, load_signer(private, lambda _: ""))

    found = checked(run)

    assert named(found) == {f"signatures/{path.name}" for path in (run.path / "signatures").glob("*")}


def test_evidence_of_another_engine_under_the_same_card_is_refused(run, measured):
    other = measured(acceptance(), version="2")
    shutil.rmtree(run.path / "ledger")
    shutil.rmtree(run.path / "raw")
    shutil.copytree(other.path / "ledger", run.path / "ledger")
    shutil.copytree(other.path / "raw", run.path / "raw")
    write_sums(run.path)

    found = checked(run)

    assert [(problem.file, problem.what.split(" (")[0]) for problem in found.problems] == [
        ("ledger/s001-main.jsonl", "a record belongs to another identity")
    ]


@pytest.mark.parametrize(
    ("field", "there"), [("engine.version", "1"), ("driver", "None"), ("engine.backend", "scripted")]
)
def test_evidence_of_something_else_than_expected_is_stale(run, field, there):
    assert checked(run, expected={field: there}).problems == ()

    found = checked(run, expected={field: "another"})

    assert [problem.what for problem in found.problems] == [f"stale evidence: {field} is {there}, expected is another"]


def test_evidence_of_another_profile_is_stale(run):
    assert named(checked(run, expected={"profile": acceptance(title="later").digest})) == {"campaign.json"}
    assert checked(run, expected={"profile": acceptance().digest}).problems == ()


def test_a_field_that_no_identity_has_is_refused(run):
    with pytest.raises(EvidenceProblem, match="no such field") as caught:
        checked(run, expected={"engine.versoin": "1"})
    assert "engine.version" in str(caught.value)


def test_a_role_that_needs_two_keys_is_not_satisfied_by_one(measured):
    run = measured(acceptance(roles=Roles(sign_off=("DevOps Lead",), signatures={"DevOps Lead": 2})))
    second, public = generate(run.keys_folder / "second", "DevOps Lead", None)
    shutil.copy(public, run.keys_folder / "devops-lead.second.pub")
    run.sign("DevOps Lead")
    assert checked(run).problems == ()
    assert checked(run).phases[0].missing == ("DevOps Lead",)

    shutil.copy(second, run.keys_folder / "devops-lead.key")
    run.sign("DevOps Lead", at="2026-01-06T09:00:00+00:00")

    assert checked(run).phases[0].is_accepted
    assert len(checked(run).phases[0].accepted["DevOps Lead"]) == 2


def test_a_key_in_two_files_is_refused(run):
    shutil.copy(run.keys_folder / "devops-lead.pub", run.keys_folder / "technical-lead.two.pub")

    with pytest.raises(UsageProblem, match="nobody signs twice"):
        load_keys(run.keys_folder)


def test_signatures_that_nobody_can_check_are_a_problem(run):
    assert verify(run.path, None, today=TODAY).problems == ()
    assert checked(run).notes == ("nobody has signed this run",)
    run.sign()

    assert named(verify(run.path, None, today=TODAY)) == {"signatures"}


def test_a_waiver_that_ended_since_the_signature_takes_the_acceptance_with_it(measured):
    broken = acceptance().criteria[PROMISED].model_copy(update={"limit": 1000.0})
    run = measured(acceptance(criteria={PROMISED: broken}))
    waiver = (
        f'[[waiver]]\ncriterion = "{PROMISED}"\nowner = "o"\nreason = "r"\nticket = "T-1"\n'
        'expiry = 2026-02-28\ncompensating_measure = "c"\n'
    )
    record_waivers(run.path, waiver.encode(), TODAY, SYSTEM)
    assert run.judge()["state"]["1"]["state"] == "APPROVED WITH 1 WAIVER"
    run.sign()
    assert checked(run).phases[0].is_accepted

    assert verify(run.path, run.keys, today=date(2026, 2, 28)).phases[0].is_accepted
    late = verify(run.path, run.keys, today=date(2026, 3, 1))

    assert [problem.file for problem in late.problems] == ["raw/s002/waivers.toml"]
    assert not late.phases[0].is_accepted
    with pytest.raises(UsageProblem, match="a waiver has expired"):
        run.sign(today=date(2026, 3, 1))


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(EvidenceProblem, match="not a run directory"):
        verify(tmp_path, None, today=TODAY)


def test_a_verdicts_file_that_is_no_json_is_named(run):
    (run.path / "verdicts.json").write_bytes(b"\xff")

    assert "verdicts.json" in named(checked(run))


def test_an_envelope_written_in_another_way_is_refused(run):
    path = run.sign("DevOps Lead")[0]
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=1))

    with pytest.raises(EvidenceProblem, match="not as it was written"):
        read_signed(path)
    assert canonical(json.loads(path.read_bytes())) != path.read_bytes()


def test_a_forged_record_of_any_shape_is_refused_and_not_a_crash(run):
    ledger = run.path / "ledger" / "s001-main.jsonl"
    lines, prev = [], "0" * 64
    for line in ledger.read_bytes().splitlines():
        record = {**json.loads(line), "prev": prev}
        if record["kind"] == "decode.run":
            record["data"] = {"raw": record["data"]["raw"]}
        lines.append(json.dumps(record, sort_keys=True, separators=(",", ":")).encode())
        prev = hashlib.sha256(lines[-1]).hexdigest()
    ledger.write_bytes(b"\n".join(lines) + b"\n")
    write_sums(run.path)

    found = checked(run)

    assert any("cannot be judged" in problem.what for problem in found.problems)
    assert found.phases == ()


def test_the_last_array_of_a_killed_process_is_held_by_its_digest_and_decides_nothing(run):
    (run.path / "raw" / "s001" / "main-00099-decode.run.npz").write_bytes(b"half an array")
    run.judge()

    found = checked(run)

    assert found.problems == ()
    assert found.notes[0] == "held by digest, decide nothing: raw/s001/main-00099-decode.run.npz"
