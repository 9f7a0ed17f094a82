"""Which runs give documents, and where they may lie."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_rawrxd.cli import main
from pytest_rawrxd.errors import CampaignProblem, UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.joined import join
from pytest_rawrxd.places import package_data
from pytest_rawrxd.report.nine.place import write_documents
from pytest_rawrxd.report.nine.trace import DOCUMENTS
from pytest_rawrxd.report.nine.write import BANNER, nine_documents, renders
from pytest_rawrxd.report.render import view_of
from pytest_rawrxd.report.signing.inspect import inspect
from pytest_rawrxd.verdict.judge import judge

RECORDINGS = package_data("fixtures") / "recordings"


@pytest.fixture
def run(judged_run, tmp_path):
    """A run of its own for a test that changes it."""
    copy = tmp_path / judged_run.name
    shutil.copytree(judged_run, copy)
    return copy


def test_the_documents_of_a_pool_are_in_its_folder_and_no_second_run_joins_them(tmp_path, capsys):
    folder, cards = tmp_path / "pool", [RECORDINGS / "h100-vulkan", RECORDINGS / "h100-vulkan-load"]
    shutil.copytree(RECORDINGS.parents[1] / "reports" / "signed" / "h100-vulkan", folder)
    places = [str(card) for card in cards]

    assert main(["report", str(folder), "--docs", "--runs", *places]) == 0
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert {path.name for path in written} >= set(DOCUMENTS)
    assert {path.parent for path in written} == {folder / "docs"}
    told = (folder / "docs" / "FINAL_GPU_BENCHMARK_REPORT.md").read_text(encoding="utf-8")
    assert all(card.name in told for card in cards)

    assert main(["report", str(folder), places[0], "--docs", "--runs", *places]) == 4
    assert "a pool stands for several runs already" in capsys.readouterr().err
    written[0].write_text("better", encoding="utf-8")
    assert main(["report", str(folder), "--docs", "--runs", *places]) == 4
    assert f"docs/{written[0].name}" in capsys.readouterr().err


def test_the_documents_of_a_rehearsal_are_in_its_run_and_say_so(judged_run):
    written = write_documents([judged_run], None)

    assert {path.parent for path in written} == {judged_run / "docs"}
    assert {f"REHEARSAL-{name}" for name in DOCUMENTS} <= {path.name for path in written}
    for path in written:
        assert path.name.startswith("REHEARSAL-")
        if path.suffix in {".md", ".txt"}:
            assert BANNER in path.read_text(encoding="utf-8")[:400]


def test_every_table_of_a_rehearsal_has_the_banner_in_its_caption(judged_run):
    for path in (judged_run / "docs").glob("*.md"):
        lines = path.read_text(encoding="utf-8").splitlines()
        heads = [at for at, line in enumerate(lines) if line.startswith("| ---")]
        assert heads, path.name
        for at in heads:
            caption = next(line for line in reversed(lines[: at - 1]) if line.strip())
            assert BANNER in caption, (path.name, lines[at - 1])


def test_links_and_images_lead_to_files_of_the_run(judged_run):
    for path in (judged_run / "docs").glob("*.md"):
        for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).is_file(), (path.name, target)


def linted(*pages):
    """What a Markdown linter says, but of long lines (tables have them) and of captions in italics (they are ours)."""
    rumdl = Path(sys.executable).with_name("rumdl")
    options = ("--no-config", "--no-cache", "--flavor", "gfm", "--disable", "MD013,MD036")
    return subprocess.run([rumdl, "check", *options, *pages], capture_output=True, text=True, check=False).stdout


def test_a_markdown_linter_has_nothing_to_say(judged_run, tmp_path):
    pages = sorted((judged_run / "docs").glob("*.md"))
    assert len(pages) == 8
    assert "No issues found" in linted(*pages)

    broken = tmp_path / "broken.md"
    text = pages[0].read_text(encoding="utf-8")
    broken.write_text(text.replace("| --- | --- |", "| --- |", 1) + "\n[nowhere](NOWHERE.md)\n", encoding="utf-8")
    assert "MD057" in linted(broken)  # a relative link that leads to nothing


def test_documents_of_a_rehearsal_are_not_written_elsewhere(judged_run, tmp_path):
    with pytest.raises(UsageProblem, match="REHEARSAL"):
        write_documents([judged_run], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_that_was_changed_gives_no_documents(run):
    page = run / "performance_matrix.csv"
    page.write_text(page.read_text() + "Q4_K,256,9,999,1,1,1,1,1\n")

    with pytest.raises(CampaignProblem, match="not what its evidence gives"):
        write_documents([run], None)


def test_stale_documents_are_seen_and_refused(run):
    page = run / "docs" / "REHEARSAL-EXECUTIVE_SUMMARY.md"
    page.write_text(page.read_text(encoding="utf-8").replace("tok/s", "tokens"), encoding="utf-8")

    assert any(problem.file == f"docs/{page.name}" for problem in inspect(run).problems)
    with pytest.raises(CampaignProblem):
        write_documents([run], None)


def test_runs_of_two_identities_are_not_mixed():
    parts = [Evidence.read(RECORDINGS / name) for name in ("h100-pilot-vulkan", "h100-load-vulkan")]

    with pytest.raises(CampaignProblem, match="not of one identity") as refused:
        join(parts)
    assert "profile" in str(refused.value)


def test_one_run_named_twice_is_refused(run):
    with pytest.raises(UsageProblem, match="twice"):
        join([Evidence.read(run), Evidence.read(run)])


def test_a_copy_under_another_name_is_no_second_run(run, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(run, other)
    card = other / "campaign.json"
    card.write_text(card.read_text().replace('"id": "run-vulkan"', '"id": "other"'))

    with pytest.raises(UsageProblem, match="twice"):
        join([Evidence.read(run), Evidence.read(other)])


def test_an_engine_that_plays_a_script_has_no_documents(recorded):
    _, view = recorded
    identity = {**view.verdicts["run"]["identity"], "engine": {"name": "scripted", "backend": "scripted"}}
    scripted = type(view).build(
        {**view.verdicts, "run": {**view.verdicts["run"], "identity": identity}},
        records=view.records,
        load_raw=view.load_raw,
        profile=view.profile,
    )

    assert not renders(scripted)
    with pytest.raises(UsageProblem, match="no measured numbers"):
        nine_documents(scripted, charts=())


def test_the_same_evidence_gives_the_same_bytes(recorded):
    evidence, view = recorded
    again = view_of(evidence, judge(evidence))

    assert nine_documents(view, charts=()) == nine_documents(again, charts=())
