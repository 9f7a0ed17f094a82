"""The decision tree's drawing, as Mermaid itself draws it: GitHub shows a document's tree with this library."""

import shutil
import subprocess
import tarfile
from dataclasses import replace

import pytest
from browser import CHROMIUM, browse

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.canonical import strict_loads
from pytest_rawrxd.places import package_data
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.operation import Use
from pytest_rawrxd.report.nine.book import Book
from pytest_rawrxd.report.nine.mermaid import mermaid
from pytest_rawrxd.report.render import view_of
from pytest_rawrxd.verdict.judge import judge

NPM = shutil.which("npm")
#: The archive alone: its bundle is one file, and needs none of the 160 packages that an installation brings.
MERMAID = "mermaid@11.17.2"
INTEGRITY = "sha512-V6K3C8EBdEsPFZXSKMJe6ppQOENxuHARr9GvHX4hh47lAbhMRD9qf4oEK7LoaRQxULMa80/qt5gHO73aCleBBg=="
BUNDLE = "package/dist/mermaid.min.js"
UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "ENETUNREACH")
HOSTILE = 'He said "fast" | <b>now</b> [x] {y} %% -->'
#: The text of each label, of the tree that the page carries.
DRAWN = """
(async () => {
  const text = document.querySelector("pre").textContent;
  await mermaid.parse(text);
  const { svg } = await mermaid.render("tree", text);
  const drawn = new DOMParser().parseFromString(svg, "text/html");
  return [...drawn.querySelectorAll(".nodeLabel, .edgeLabel")].map(each => each.textContent.trim());
})()
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None or NPM is None, reason="no Chromium or no npm on this machine")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The pinned bundle of Mermaid."""
    folder = tmp_path_factory.mktemp("mermaid")
    packed = subprocess.run(
        [NPM, "pack", MERMAID, "--json", "--ignore-scripts", "--prefer-offline"],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if packed.returncode and any(word in packed.stderr for word in UNREACHABLE):
        pytest.skip("the npm registry cannot be reached from here")
    assert packed.returncode == 0, packed.stderr
    about = strict_loads(packed.stdout.encode())[0]
    assert about["integrity"] == INTEGRITY
    bundle = folder / "mermaid.js"
    with tarfile.open(folder / about["filename"]) as archive:  # read, not extracted: Python 3.11.2 knows no filter
        bundle.write_bytes(archive.extractfile(BUNDLE).read())
    return bundle


@pytest.fixture(scope="module")
def book():
    """What an H100 measured, asked for the roadmap's uses and for one with a title that nobody expects."""
    evidence = Evidence.read(package_data("fixtures") / "recordings" / "h100-pilot-vulkan")
    uses = {**load_profile("rx7800xt").uses, "5 odd-ones end": Use(title=HOSTILE, prefer="memory")}
    profile = evidence.campaign.profile.model_copy(update={"uses": uses})
    asked = Evidence(replace(evidence.campaign, profile=profile), evidence.records)
    return Book(view_of(asked, judge(asked)))


def test_mermaid_draws_every_use_with_its_answer(library, book, tmp_path):
    tree = mermaid(book).replace("&", "&amp;").replace("<", "&lt;")
    page = tmp_path / "tree.html"
    page.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><script src="{library.as_uri()}"></script><pre>{tree}</pre>',
        encoding="utf-8",
    )

    async def visit(tab):
        found = await tab.open(page.as_uri(), "flowchart")
        return found, await tab.evaluate(DRAWN)

    found, labels = browse(tmp_path / "chromium", visit)
    assert found.complaints == []
    assert labels, "Mermaid refuses the tree"
    said = " ".join(labels)
    for use in book.uses:
        assert use.variant is None or any(use.variant in label for label in labels), use.name
        assert use.prefers in said
    assert any(use.variant is None for use in book.uses)
    assert "no variant qualifies" in labels
    assert any("fast" in label and "%%" in label for label in labels), labels
    assert not any("e: use/" in label for label in labels)  # what leads to the evidence is a comment
