"""Publishing copies once, completely, and overwrites nothing."""

from __future__ import annotations

import hashlib

import pytest

from pytest_rawrxd.errors import CampaignProblem, EvidenceProblem
from pytest_rawrxd.report.publish import publish


@pytest.fixture
def run_dir(tmp_path):
    found = tmp_path / "work" / "2025-12-10-run"
    for name in (
        "verdicts.json",
        "campaign.json",
        "signoff-phase1.html",
        "performance_matrix.csv",
        "charts/a.svg",
        "charts/a.png",
        "ledger/s001-main.jsonl",
        "raw/s001/main-00001.npz",
        ".session.lock",
    ):
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_text(name)
    return found


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_committed_part_is_copied_and_raw_evidence_stays(run_dir, tmp_path):
    target = publish(run_dir, tmp_path / "signed")
    assert target == tmp_path / "signed" / run_dir.name
    assert names(target) == {
        "verdicts.json",
        "campaign.json",
        "signoff-phase1.html",
        "performance_matrix.csv",
        "charts/a.svg",
        "charts/a.png",
        "evidence.sha256",
        "SHA256SUMS",
    }
    assert names(tmp_path / "signed") == {f"{run_dir.name}/{name}" for name in names(target)}


def test_the_digests_cover_the_copy_and_the_evidence_left_behind(run_dir, tmp_path):
    target = publish(run_dir, tmp_path / "signed")
    sums = dict(reversed(line.split("  ")) for line in (target / "SHA256SUMS").read_text().splitlines())
    assert sums.keys() == names(target) - {"SHA256SUMS"}
    assert all(hashlib.sha256((target / name).read_bytes()).hexdigest() == digest for name, digest in sums.items())
    evidence = (target / "evidence.sha256").read_text()
    assert "  raw/s001/main-00001.npz\n" in evidence
    assert "  ledger/s001-main.jsonl\n" in evidence


def test_publishing_the_same_run_again_changes_nothing(run_dir, tmp_path):
    first = publish(run_dir, tmp_path / "signed")
    before = {name: (first / name).read_bytes() for name in names(first)}
    assert publish(run_dir, tmp_path / "signed") == first
    assert {name: (first / name).read_bytes() for name in names(first)} == before


def test_a_run_that_has_gained_evidence_takes_the_place_of_its_earlier_publication(run_dir, tmp_path):
    publish(run_dir, tmp_path / "signed")
    (run_dir / "ledger" / "s002-publication.jsonl").write_text("committed")
    (run_dir / "verdicts.json").write_text("judged again")

    target = publish(run_dir, tmp_path / "signed")

    assert (target / "verdicts.json").read_text() == "judged again"
    assert "ledger/s002-publication.jsonl" in (target / "evidence.sha256").read_text()
    assert len(list((tmp_path / "signed").iterdir())) == 1


def test_a_file_that_somebody_put_beside_the_publication_is_kept(run_dir, tmp_path):
    target = publish(run_dir, tmp_path / "signed")
    (target / "signature.json").write_text("signed")
    (run_dir / "verdicts.json").write_text("judged again")

    with pytest.raises(CampaignProblem, match=r"files that were not published: signature\.json"):
        publish(run_dir, tmp_path / "signed")

    assert (target / "signature.json").read_text() == "signed"


@pytest.mark.parametrize("name", ["campaign.json", "ledger/s001-main.jsonl"])
def test_another_evidence_under_the_same_name_is_refused_and_kept(run_dir, tmp_path, name):
    target = publish(run_dir, tmp_path / "signed")
    before = (target / "verdicts.json").read_bytes()
    (run_dir / name).write_text("another run")
    with pytest.raises(CampaignProblem, match="not overwritten"):
        publish(run_dir, tmp_path / "signed")
    assert (target / "verdicts.json").read_bytes() == before
    assert len(list((tmp_path / "signed").iterdir())) == 1


def test_a_folder_that_is_no_publication_is_refused(run_dir, tmp_path):
    (tmp_path / "signed" / run_dir.name).mkdir(parents=True)
    with pytest.raises(CampaignProblem, match="not overwritten"):
        publish(run_dir, tmp_path / "signed")


def test_a_run_without_verdicts_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(EvidenceProblem, match="no verdicts"):
        publish(tmp_path / "run", tmp_path / "signed")
