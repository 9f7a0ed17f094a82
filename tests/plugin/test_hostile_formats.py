"""A profile and a server whose words are an attack, in the reports of other tools: pytest-html and Allure's results."""

from __future__ import annotations

import json
import unicodedata

import pytest
from browser import CHROMIUM, browse

from pytest_rawrxd.report.plain import HIDDEN

ATTACK = (
    "\"'></td></title><script>document.title='PWNED'</script><img src=http://127.0.0.1:9/i "
    "onerror=\"document.title='PWNED'\"><svg onload=\"document.title='PWNED'\">\x1b[2J\u202e\u200b"
)
PROFILE = f"""
[criteria.P1-TPS-BROKEN]
title = {json.dumps("A promise " + ATTACK)}
source = {json.dumps("a roadmap " + ATTACK)}
kind = "floor"
metric = "decode_tps"
where = {{ variant = "Q4_K", tokens = 64 }}
at_least = "100 tok/s"
"""
TESTS = f"""
import pytest
from pytest_rawrxd.errors import EngineCrashed

pytestmark = pytest.mark.phase1

@pytest.mark.sla("P1-TPS-BROKEN")
def test_broken(decode, sla):
    assert decode(variant="Q4_K").throughput >= sla["P1-TPS-BROKEN"]

@pytest.mark.sla("SLA-TPS-GUARANTEE")
def test_told(decode, sla):
    print({ATTACK!r})
    raise EngineCrashed("the server said", found={ATTACK!r}, log_tail=({ATTACK!r},))
"""


@pytest.fixture
def folder(acceptance):
    acceptance.write_profile(PROFILE)
    acceptance.write_test(TESTS)
    result = acceptance.run("--html=h.html", "--self-contained-html", "--alluredir=a", alone=True)
    assert result.ret == 1, result.stderr.str()
    return acceptance.pytester.path


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to open the page with")
def test_no_word_of_an_attack_runs_or_steers(folder, tmp_path):
    async def visit(tab):
        shown = await tab.open((folder / "h.html").as_uri(), "P1-TPS-BROKEN")
        await tab.evaluate("document.querySelectorAll('.collapsible').forEach(each => each.click())")
        return shown, await tab.evaluate("document.title")

    page, title = browse(tmp_path / "browser", visit)

    assert "P1-TPS-BROKEN" in page.text
    assert title == "h.html"
    assert [one for one in page.requests if not one.startswith(("file:", "data:"))] == []

    for path in (folder / "a").glob("*-result.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        told = [result.get("name", ""), result.get("descriptionHtml", ""), *map(str, result.get("parameters", ()))]
        for text in told:
            assert not {each for each in text if unicodedata.category(each) in HIDDEN}
        assert "<script" not in result.get("descriptionHtml", "")
        assert "<img" not in result.get("descriptionHtml", "")
