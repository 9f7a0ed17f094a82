"""The documents as a site: opened from the disk in a real browser, with nothing that runs or comes from elsewhere."""

import re
import shutil
from dataclasses import replace
from urllib.parse import unquote

import pytest
from browser import CHROMIUM, browse
from fakes.charts import save_nothing
from matplotlib.figure import Figure

from pytest_rawrxd.cli import main
from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.places import package_data
from pytest_rawrxd.report.nine import site as sites
from pytest_rawrxd.report.nine.trace import DOCUMENTS
from pytest_rawrxd.report.nine.write import BANNER, REHEARSAL, SITE
from pytest_rawrxd.report.render import render, view_of
from pytest_rawrxd.report.signing.inspect import inspect
from pytest_rawrxd.verdict.judge import judge

RUN = "h100-pilot-vulkan"
PAGES = {f"{REHEARSAL}{name.rsplit('.', 1)[0]}.html" for name in DOCUMENTS} | {f"{REHEARSAL}index.html"}
BROKEN_PICTURES = """
(async () => {
  if (document.readyState !== "complete") await new Promise(done => addEventListener("load", done));
  return [...document.images].filter(each => !each.naturalWidth).map(each => each.src);
})()
"""
STYLED = "getComputedStyle(document.querySelector('nav ul')).listStyleType"


@pytest.fixture(scope="module")
def undrawn():
    """Curves of one pixel: drawing them takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save_nothing)
        yield


@pytest.fixture(scope="module")
def run(undrawn, tmp_path_factory):
    """A judged run with its site."""
    copy = tmp_path_factory.mktemp("runs") / RUN
    shutil.copytree(package_data("fixtures") / "recordings" / RUN, copy)
    evidence = Evidence.read(copy)
    render(evidence, judge(evidence))
    assert main(["report", str(copy), "--site"]) == 0
    return copy


def test_every_page_of_a_rehearsal_is_named_so_and_carries_the_banner(run):
    pages = list((run / SITE).glob("*.html"))

    assert {page.name for page in pages} == PAGES
    for page in pages:
        assert f'<p class="banner">{BANNER}</p>' in page.read_text(encoding="utf-8")


def test_every_link_and_picture_leads_to_a_file_of_the_site(run):
    for page in (run / SITE).glob("*.html"):
        targets = re.findall(r'(?:href|src)="([^"#]+)(?:#[^"]*)?"', page.read_text(encoding="utf-8"))
        assert targets
        for target in targets:
            assert (page.parent / unquote(target)).is_file(), (page.name, target)


def test_the_numbers_of_a_page_keep_their_evidence(run):
    document = (run / "docs" / f"{REHEARSAL}EXECUTIVE_SUMMARY.md").read_text(encoding="utf-8")
    page = (run / SITE / f"{REHEARSAL}EXECUTIVE_SUMMARY.html").read_text(encoding="utf-8")
    marks = re.findall(r"<!-- e: \S+ \S+(?: \+\d+)? -->", document)

    assert marks
    assert re.findall(r"<!-- e: \S+ \S+(?: \+\d+)? -->", page) == marks


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to open the site with")
def test_every_page_opens_from_the_disk_without_a_complaint(run, tmp_path):
    async def visit(tab):
        found = {}
        for name in sorted(PAGES):
            page = await tab.open((run / SITE / name).as_uri(), BANNER)
            found[name] = page, await tab.evaluate(BROKEN_PICTURES), await tab.evaluate(STYLED)
        return found

    for name, (page, broken, style) in browse(tmp_path / "chromium", visit).items():
        assert BANNER in page.text, name
        assert page.complaints == [], name
        assert broken == [], name
        assert style == "none", name  # the sheet of style has been read
        assert all(address.startswith("file://") for address in page.requests)


def test_nothing_runs_and_nothing_may(run):
    for page in (run / SITE).glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "default-src 'none'" in text
        assert not re.search(r"<script|\son\w+=|javascript:|https?://", re.sub(r"<pre>.*?</pre>", "", text, flags=re.S))


def test_a_changed_page_of_the_site_is_found_by_name(run, tmp_path):
    copy = tmp_path / RUN
    shutil.copytree(run, copy)
    assert inspect(copy).problems == ()  # the same evidence gives the same bytes again
    page = copy / SITE / f"{REHEARSAL}EXECUTIVE_SUMMARY.html"
    page.write_text(page.read_text(encoding="utf-8").replace("No. This is", "Yes. This is"), encoding="utf-8")

    assert f"{SITE}/{page.name}" in {problem.file for problem in inspect(copy).problems}
    evidence = Evidence.read(copy)
    (copy / "performance_matrix.csv").unlink()
    render(evidence, judge(evidence))
    assert not (copy / SITE).exists()  # a page that is written anew takes the site with it


def test_what_a_run_calls_its_parts_is_no_markup(run):
    evidence = Evidence.read(run)
    target = evidence.campaign.profile.target.model_copy(update={"item": "{download}`/etc/hostname` {{ banner }} (x)="})
    profile = evidence.campaign.profile.model_copy(update={"target": target})
    hostile = Evidence(replace(evidence.campaign, profile=profile), evidence.records)
    view = view_of(hostile, judge(hostile))
    found = sites.site(view, {})

    page = found[f"{REHEARSAL}EXECUTIVE_SUMMARY.html"].decode()
    assert "{download}" in page
    assert "{{ banner }} (x)=" in page
    assert not any("hostname" in name for name in found)


def test_without_sphinx_the_extra_is_named(run, monkeypatch):
    monkeypatch.setattr(sites, "find_spec", lambda _name: None)
    evidence = Evidence.read(run)

    with pytest.raises(UsageProblem, match="site"):
        sites.site(view_of(evidence, judge(evidence)), {})
