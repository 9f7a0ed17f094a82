"""``rawrxd init``: a folder in which acceptance runs, and nothing of anybody's overwritten."""

import pytest

from pytest_rawrxd.cli import main


def test_the_new_folder_collects_the_whole_suite_and_judges_a_demonstration(pytester, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RAWRXD_CACHE", str(tmp_path / "cache"))
    mine = pytester.path / "mine"

    assert main(["init", str(mine)]) == 0
    assert "next, in that folder" in capsys.readouterr().out

    monkeypatch.chdir(mine)
    # -k stands in for the whole phase that init's own text runs: one test shows that the folder works.
    result = pytester.runpytest_subprocess(
        "--rootdir",
        str(mine),
        "acceptance/",
        "--sla-profile",
        "embedded",
        "--sla-engine",
        "scripted:steady",
        "-m",
        "phase1",
        "-k",
        "guaranteed",
        "--sla-run-dir",
        "run",
        timeout=300,
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*SLA-TPS-GUARANTEE*PASS*"])
    assert (mine / "fixtures" / "profiles" / "rx7800xt.toml").is_file()
    assert "/reports/*" in (mine / ".gitignore").read_text()


@pytest.mark.parametrize("content", ["thesis.tex", "acceptance"])
def test_a_folder_that_holds_something_is_left_alone(tmp_path, capsys, content):
    (tmp_path / content).write_text("precious")

    assert main(["init", str(tmp_path)]) == 4

    assert f"found: {content}" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [content]
