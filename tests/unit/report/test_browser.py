"""The page in a real browser: it opens from disk, nothing is blocked by its own policy, it prints on two pages."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from pytest_rawrxd.report.curves import phase1_thumbnails
from pytest_rawrxd.report.signoff import render_signoff

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
    "--enable-logging=stderr",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to open the page with")


def test_the_page_opens_without_a_complaint_and_prints_on_two_pages(view, tmp_path):
    page = tmp_path / "signoff.html"
    page.write_text(render_signoff(view, 1, charts=phase1_thumbnails(view)), encoding="utf-8")
    pdf = tmp_path / "signoff.pdf"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'user'}", f"--print-to-pdf={pdf}", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr, done.stderr
    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) == 2
