"""The page on paper: the same bytes each time, nothing fetched, and held by verify."""

import logging
import os
import shutil
import subprocess
import sys

import pytest

from pytest_rawrxd.cli import main
from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.report.pdf import pdf_is_possible, printed
from pytest_rawrxd.report.signoff import render_signoff

pytestmark = pytest.mark.skipif(not pdf_is_possible(), reason="the extra pdf is not installed")
PDFTOTEXT = shutil.which("pdftotext")


@pytest.fixture(scope="module")
def page(sample):
    return render_signoff(sample.make_view(), 1)


def test_the_same_page_gives_the_same_bytes_in_another_process(page, tmp_path):
    there = tmp_path / "page.html"
    there.write_text(page, encoding="utf-8")
    # Pango is looked for with a compiler and a linker, which need no secret.
    asks = (
        "import sys, hashlib, os; from pytest_rawrxd.report.pdf import printed; "
        "given = []; told = lambda of: given.append('HF_TOKEN' in (of[3] or os.environ)); "
        "sys.addaudithook(lambda event, of: event == 'subprocess.Popen' and told(of)); "
        "print(hashlib.sha256(printed(open(sys.argv[1], encoding='utf-8').read())).hexdigest()); "
        "assert not any(given); assert os.environ['HF_TOKEN']"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", asks, str(there)],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
            env={
                "PATH": os.environ["PATH"],
                "HF_TOKEN": "x",
                "HOME": str(tmp_path),
                "TZ": zone,
                "PYTHONHASHSEED": seed,
            },
        ).stdout
        for zone, seed in (("UTC", "1"), ("Asia/Tokyo", "2"))
    }

    assert len(digests) == 1
    content = printed(page)
    assert content.startswith(b"%PDF-")
    assert b"CreationDate" not in content


def test_another_number_gives_other_bytes(page):
    assert printed(page) != printed(page.replace("80.6 tok/s", "80.7 tok/s"))


@pytest.mark.skipif(PDFTOTEXT is None, reason="no pdftotext on this machine")
def test_the_print_says_what_the_page_says(page, tmp_path):
    (tmp_path / "page.pdf").write_bytes(printed(page))

    text = subprocess.run(
        [PDFTOTEXT, "-layout", str(tmp_path / "page.pdf"), "-"], capture_output=True, text=True, check=True, timeout=60
    ).stdout

    for said in ("REHEARSAL", "P1-TPS-Q80", "80.6 tok/s", "M1", "RX-118", "machine-verified", "end of document"):
        assert said in text


def test_nothing_is_fetched(caplog):
    with caplog.at_level(logging.ERROR, logger="weasyprint"):
        printed('<img src="http://127.0.0.1:9/x.png"><link rel="stylesheet" href="file:///etc/passwd"><p>text</p>')

    assert "a page fetches nothing: http://127.0.0.1:9/x.png" in caplog.text
    assert "a page fetches nothing: file:///etc/passwd" in caplog.text


def test_without_the_extra_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)

    with pytest.raises(UsageProblem, match="cannot print PDF") as caught:
        printed("<p>")
    assert "pytest-rawrxd[pdf]" in str(caught.value)


def test_a_folder_that_is_no_run_is_not_printed(tmp_path, capsys):
    assert main(["report", str(tmp_path), "--pdf"]) == 1
    assert "not a run directory" in capsys.readouterr().err
