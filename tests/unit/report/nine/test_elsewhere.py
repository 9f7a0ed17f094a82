"""``-o DIR`` of a run that can be signed: the documents stand in DIR with their curves, and the run stays as it is."""

import re

import pytest
from fakes.second_run import accepting_run

from pytest_rawrxd.cli import main
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.places import package_data
from pytest_rawrxd.report.nine.trace import DOCUMENTS
from pytest_rawrxd.report.render import render
from pytest_rawrxd.report.sums import differences
from pytest_rawrxd.verdict.judge import judge

RECORDING = package_data("fixtures") / "recordings" / "h100-pilot-vulkan"


@pytest.fixture(scope="module")
def run(undrawn, tmp_path_factory):
    """What the H100 measured, judged by a profile that could be signed."""
    path = accepting_run(RECORDING, tmp_path_factory.mktemp("runs") / "run")
    evidence = Evidence.read(path)
    render(evidence, judge(evidence))
    return path


@pytest.fixture(scope="module")
def elsewhere(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("release") / "1.0"
    assert main(["report", str(run), "--docs", "-o", str(folder)]) == 0
    return folder


def test_all_nine_documents_with_their_names_and_no_banner(elsewhere):
    assert {path.name for path in elsewhere.iterdir()} == {*DOCUMENTS, "numbers.json", "decision_tree.json", "charts"}
    for name in DOCUMENTS:
        assert "REHEARSAL" not in (elsewhere / name).read_text(encoding="utf-8")


def test_their_links_and_images_lead_to_files_beside_them(elsewhere):
    shown = set()
    for page in elsewhere.glob("*.md"):
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            shown.add(target)
            assert (page.parent / target).resolve().is_relative_to(elsewhere.resolve())
            assert (page.parent / target).is_file(), (page.name, target)
    assert any(target.startswith("charts/") for target in shown)


def test_they_say_what_those_in_the_run_say(run, elsewhere):
    for name in DOCUMENTS:
        inside = (run / "docs" / name).read_text(encoding="utf-8")
        assert (elsewhere / name).read_text(encoding="utf-8") == inside.replace("(../charts/", "(charts/")


def test_the_run_is_not_touched(run, elsewhere):
    assert list(differences(run)) == []


def test_what_is_not_approved_is_not_to_be_deployed(elsewhere):
    """A profile of acceptance makes no acceptance: this run breaks a promise."""
    summary = (elsewhere / "EXECUTIVE_SUMMARY.md").read_text(encoding="utf-8")

    assert "**No. Phase 1 acceptance: performance optimization is REJECTED" in summary
