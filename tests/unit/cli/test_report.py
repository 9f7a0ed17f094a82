"""``rawrxd report``: what was made belongs to the run, whatever became of the rest."""

import shutil

from pytest_rawrxd.cli import main, report
from pytest_rawrxd.cli.report import Form
from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.places import package_data


def made(run_dir, _places):
    path = run_dir / "signoff-phase1.pdf"
    path.write_bytes(b"%PDF-")
    return [path]


def impossible(run_dir, _places):
    raise UsageProblem("this form cannot be made here")


def test_a_form_that_cannot_be_made_leaves_the_others_in_the_sums(tmp_path, monkeypatch, capsys):
    run_dir = tmp_path / "run"
    shutil.copytree(package_data("fixtures") / "recordings" / "h100-pilot-vulkan", run_dir)
    monkeypatch.setattr(report, "FORMS", (Form("--pdf", "", made), Form("--allure", "", impossible)))

    assert main(["report", str(run_dir), "--pdf", "--allure"]) == 4

    assert "  signoff-phase1.pdf\n" in (run_dir / "SHA256SUMS").read_text(encoding="utf-8")
    assert "signoff-phase1.pdf" in capsys.readouterr().out
