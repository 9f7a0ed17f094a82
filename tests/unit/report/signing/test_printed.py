"""A printed run: the print belongs to what is signed and goes when its page changes."""

import pytest

from pytest_rawrxd.cli import main
from pytest_rawrxd.evidence.waivers import record_waivers
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.report import pdf
from pytest_rawrxd.report.signing import inspect
from pytest_rawrxd.report.signing.verify import verify
from pytest_rawrxd.report.sums import write_sums

from .conftest import PROMISED, TODAY

WAIVER = f"""
[[waiver]]
criterion = "{PROMISED}"
owner = "o"
reason = "r"
ticket = "T-1"
expiry = 2026-02-28
compensating_measure = "c"
"""


@pytest.fixture(autouse=True)
def quick_print(monkeypatch):
    """A print that takes no second each: a digest of the page in PDF's clothes."""
    for module in (pdf, inspect):
        monkeypatch.setattr(module, "printed", lambda page: b"%PDF of " + str(hash(page)).encode())
    monkeypatch.setattr(inspect, "pdf_is_possible", lambda: True)


def test_a_print_is_listed_signed_and_printed_again_by_verify(run):
    assert main(["report", str(run.path), "--pdf"]) == 0
    run.sign()
    assert verify(run.path, run.keys, today=TODAY).problems == ()
    assert "signoff-phase1.pdf" in (run.path / "SHA256SUMS").read_text()


def test_a_print_of_something_else_is_named_even_where_it_is_listed(run):
    assert main(["report", str(run.path), "--pdf"]) == 0
    (run.path / "signoff-phase1.pdf").write_bytes(b"%PDF of approval")
    write_sums(run.path)

    assert {problem.file for problem in verify(run.path, run.keys, today=TODAY).problems} == {"signoff-phase1.pdf"}


def test_a_signed_run_is_not_printed_into(run, capsys):
    run.sign()

    assert main(["report", str(run.path), "--pdf"]) == 4
    assert "is signed" in capsys.readouterr().err


def test_a_print_goes_when_its_page_changes(run):
    assert main(["report", str(run.path), "--pdf"]) == 0
    run.judge()
    assert (run.path / "signoff-phase1.pdf").is_file()

    record_waivers(run.path, WAIVER.encode(), TODAY, SYSTEM)
    run.judge()

    assert not list(run.path.glob("*.pdf"))
