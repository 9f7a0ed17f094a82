"""Data is under version control when a recorded commit holds every digest of the run."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pytest_rawrxd.evidence.canonical import file_digest
from pytest_rawrxd.evidence.publication import Publication, record_publication
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.verdict.outcome import Verdict

STILL = Clock(monotonic_ns=lambda: 9, wall=lambda: datetime(2026, 1, 3, tzinfo=UTC), sleep=lambda _: None)
COMMIT = "0123456789abcdef"


@pytest.fixture
def measured(book):
    """A run with one measured process, its evidence still open for another session."""
    book.run()
    return book


def publication(book, **changes):
    """What a commit says that holds all of the run."""
    files = [book.path / "campaign.json", *(book.path / "ledger").iterdir(), *(book.path / "raw").rglob("*.npz")]
    outputs = {name: {"run": "d1", "committed": "d1"} for name in ("performance_matrix.csv", "charts/a.svg")}
    whole = Publication(
        commit=COMMIT,
        remote_branches=("origin/main",),
        evidence={file.relative_to(book.path).as_posix(): file_digest(file) for file in files},
        outputs=outputs,
    )
    return replace(whole, **changes)


def answer(book, found):
    record_publication(book.path, found, STILL)
    return book.answer("P1-DATA")


def test_without_a_commit_it_is_not_measured_and_says_how_to_get_one(measured):
    found = measured.answer("P1-DATA")

    assert found.verdict is Verdict.NOT_MEASURED
    assert "rawrxd publish" in found.next
    assert "rawrxd judge" in found.next


def test_a_commit_with_every_digest_passes_and_is_named(measured):
    found = answer(measured, publication(measured))

    assert (found.verdict, found.estimate) == (Verdict.PASS, 1.0)
    assert found.reason == "5 digests of evidence, tables and charts are in commit 0123456789ab, on origin/main"


def test_a_commit_that_was_not_pushed_is_said(measured):
    found = answer(measured, publication(measured, remote_branches=()))

    assert found.verdict is Verdict.PASS
    assert "on no remote branch" in found.reason


@pytest.mark.parametrize("name", ["campaign.json", "ledger/s001-main.jsonl", "raw/s001/main-00001-decode.run.npz"])
@pytest.mark.parametrize("digest", [None, "another"])
def test_evidence_that_the_commit_lacks_fails(measured, name, digest):
    whole = publication(measured)
    listed = {**whole.evidence, name: digest}
    if digest is None:
        del listed[name]

    found = answer(measured, replace(whole, evidence=listed))

    assert (found.verdict, found.estimate) == (Verdict.FAIL, 0.0)
    assert f"{name} ({'not listed' if digest is None else 'another content'})" in found.reason


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        ({"performance_matrix.csv": {"run": "d", "committed": "d"}}, "the charts"),
        ({"charts/a.svg": {"run": "d", "committed": "d"}}, "performance_matrix.csv"),
        ({"performance_matrix.csv": {"run": "d", "committed": "e"}}, "performance_matrix.csv (another content)"),
        ({"performance_matrix.csv": {"run": "d", "committed": None}}, "performance_matrix.csv (not committed)"),
    ],
)
def test_a_table_or_chart_that_is_not_in_the_commit_fails(measured, outputs, says):
    found = answer(measured, publication(measured, outputs=outputs))

    assert found.verdict is Verdict.FAIL
    assert says in found.reason


def test_a_session_after_the_commit_asks_for_another(measured):
    record_publication(measured.path, publication(measured), STILL)
    measured.session("s003")
    measured.run(process=2)

    found = measured.answer("P1-DATA")

    assert found.verdict is Verdict.NOT_MEASURED
    assert "session s003 was measured after commit 0123456789ab" in found.reason


def test_a_later_commit_decides(measured):
    record_publication(measured.path, publication(measured, evidence={}), STILL)

    assert answer(measured, publication(measured)).verdict is Verdict.PASS


def test_recording_changes_no_earlier_file(measured):
    before = {path: path.read_bytes() for path in measured.path.rglob("*") if path.is_file()}

    record_publication(measured.path, publication(measured), STILL)

    assert {path: path.read_bytes() for path in before} == before
    assert (measured.path / "ledger" / "s002-publication.jsonl").is_file()
