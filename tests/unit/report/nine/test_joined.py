"""Documents of two runs of one identity: the variants of one, the load of the other, each number from its own run."""

import json
import shutil

import pytest
from fakes.second_run import second_run

from pytest_rawrxd.errors import CampaignProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.joined import join
from pytest_rawrxd.places import package_data
from pytest_rawrxd.report.nine.place import JOINED, write_documents
from pytest_rawrxd.report.nine.write import BANNER, nine_documents
from pytest_rawrxd.report.render import render, view_of
from pytest_rawrxd.report.sums import differences
from pytest_rawrxd.verdict.judge import judge

RECORDINGS = package_data("fixtures") / "recordings"
#: Kind of fact -> the run that it has to come from.
FROM = {"variant": "run-vulkan", "level": "run-load"}


@pytest.fixture(scope="module")
def runs(undrawn, tmp_path_factory):
    """The recorded phase 1, and the recorded load as a second run of the same identity; both judged."""
    folder = tmp_path_factory.mktemp("runs")
    first = folder / "h100-pilot-vulkan"
    shutil.copytree(RECORDINGS / first.name, first)
    load = second_run(RECORDINGS / "h100-load-vulkan", first, folder / "run-load")
    for run in (first, load):
        evidence = Evidence.read(run)
        render(evidence, judge(evidence))
    return first, load


def numbers(view):
    files = nine_documents(view, charts=())
    return json.loads(next(content for name, content in files.items() if name.endswith("numbers.json")))


def facts(listed, kind):
    return {key: fact for key, fact in listed.items() if key.startswith(f"{kind}/") and fact["known"]}


def test_every_number_is_that_of_its_own_run_and_names_it(runs):
    parts = [Evidence.read(run) for run in runs]
    both = join(parts)
    joined = numbers(view_of(both, judge(both)))
    alone = {part.campaign.id: numbers(view_of(part, judge(part))) for part in parts}

    for kind, run in FROM.items():
        found, there = facts(joined, kind), facts(alone[run], kind)
        assert found
        assert {key: fact["text"] for key, fact in found.items()} == {key: fact["text"] for key, fact in there.items()}
        for key, fact in found.items():
            own = [source for source in fact["sources"] if source != "campaign.json"]
            assert own or key.endswith("/sha256"), key
            assert {source.split(".")[0] for source in own} <= {run}, key
    assert {key.split("/")[1].split(".")[0] for key in joined if key.startswith("session/")} == set(FROM.values())


def test_the_documents_of_two_runs_lie_in_the_first_and_leave_both_whole(runs):
    first, load = runs
    written = write_documents([first, load], None)
    pages = [path for path in written if path.suffix == ".md"]
    summary = next(path for path in pages if "EXECUTIVE" in path.name).read_text(encoding="utf-8")

    assert {path.parent for path in pages} == {first / JOINED}
    assert BANNER in summary
    assert "run-vulkan.s001" in summary
    assert "run-load.s001" in summary
    assert list(differences(first)) == list(differences(load)) == []


def test_a_run_that_was_not_judged_again_gives_no_joint_documents(runs, tmp_path):
    first, load = runs
    stale = tmp_path / load.name
    shutil.copytree(load, stale)
    page = stale / "concurrency_load_test.csv"
    page.write_text(page.read_text(encoding="utf-8").replace("12,", "13,", 1), encoding="utf-8")

    with pytest.raises(CampaignProblem, match="not what its evidence gives"):
        write_documents([first, stale], None)


def test_a_run_of_another_engine_is_not_joined(runs, tmp_path):
    first, _ = runs
    with pytest.raises(CampaignProblem, match="not of one identity") as refused:
        join([Evidence.read(first), Evidence.read(RECORDINGS / "h100-pilot-cuda")])
    assert "engine.backend: 'vulkan' is now 'cuda'" in str(refused.value)
