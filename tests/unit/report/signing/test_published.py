"""A published run leaves its evidence behind: it is verified with the run directory that it came from."""

import shutil

import pytest
from fakes.charts import save_nothing
from fakes.scripted_run import BEGAN, Scripted
from matplotlib.figure import Figure

from pytest_rawrxd.cli import main
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.report.publish import publish
from pytest_rawrxd.report.render import render
from pytest_rawrxd.report.signing.verify import verify
from pytest_rawrxd.verdict.judge import judge

from .conftest import TODAY, acceptance


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", save_nothing)
    made = Scripted(tmp_path / "elsewhere" / "a", acceptance(), {"cpu": "a"}, {})
    made.session(seed=1, at=BEGAN)
    evidence = Evidence.read(made.path)
    render(evidence, judge(evidence))
    return made.path


@pytest.fixture
def published(run, tmp_path):
    return publish(run, tmp_path / "reports" / "signed")


def found_of(published, *places):
    return verify(published, None, today=TODAY, places=places)


def test_a_publication_holds_with_its_run_however_that_is_called_now(run, published):
    assert found_of(published, run).problems == ()
    moved = run.replace(run.with_name("another name"))

    assert found_of(published, moved.parent).problems == ()


def test_without_a_place_the_run_is_looked_for_above_the_publications(run, published, tmp_path):
    assert "the evidence of this publication is not where it was looked for" in found_of(published).problems[0].what
    shutil.copytree(run, tmp_path / "reports" / "a")

    assert found_of(published).problems == ()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda array: array.write_bytes(array.read_bytes() + b"x"), lambda array: array.name),
        (lambda array: array.unlink(), lambda array: array.name),
        (lambda array: array.with_name("zzz.npz").write_bytes(b"x"), lambda _: "zzz.npz"),
    ],
    ids=("changed", "lost", "added"),
)
def test_raw_evidence_that_was_changed_lost_or_added_is_named(run, published, change, named):
    array = next(path for path in sorted(run.glob("raw/**/*")) if path.is_file())
    change(array)

    (problem,) = found_of(published, run).problems

    assert problem.what.startswith("the run was changed after it was published")
    assert named(array) in problem.what


def test_another_run_is_not_taken_for_the_published_one(run, published, tmp_path):
    other = Scripted(tmp_path / "others" / "a", acceptance(), {"cpu": "a"}, {})
    other.session(seed=2, at=BEGAN)

    (problem,) = found_of(published, other.path).problems

    assert (problem.file, "no run with these ledgers" in problem.what) == ("evidence.sha256", True)


def test_a_page_of_a_publication_that_was_touched_up_does_not_hold(run, published, capsys):
    page = published / "signoff-phase1.html"
    page.write_bytes(page.read_bytes().replace(b"FAIL", b"PASS"))

    assert main(["verify", str(published), "--runs", str(run)]) == 1
    assert "signoff-phase1.html: it is not the page that the evidence gives" in capsys.readouterr().out
