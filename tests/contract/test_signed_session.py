"""A whole session on the real engine that ends approved, signed and accepted; one that is rejected; one waived."""

import json
import shutil
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from fakes.charts import CONFTEST, save_nothing
from fakes.session_text import follow, steps
from matplotlib.figure import Figure

from pytest_rawrxd.cli import main

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
TOOLS = ("bash", "sed", "cp")

pytestmark = [
    pytest.mark.skipif(any(shutil.which(tool) is None for tool in TOOLS), reason=f"needs {', '.join(TOOLS)}"),
    pytest.mark.skipif(find_spec("llama_cpp") is None, reason="the engine is not installed"),
]


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """The example, followed to its end; (folder, [(step, what it printed)])."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("approved")
        patch.setattr(Figure, "savefig", save_nothing)
        patch.setenv("RAWRXD_CACHE", str(folder / "cache"))
        patch.setenv("COLUMNS", "200")
        patch.chdir(folder)
        shutil.copytree(EXAMPLES / "cpu", folder / "docs" / "examples" / "cpu")
        (folder / "docs" / "examples" / "cpu" / "conftest.py").write_text(CONFTEST)
        with on_one_core():
            told = [(step, follow(step.command)) for step in steps(EXAMPLES / "approved-run.md")]
        yield folder / "mine", told


@contextmanager
def on_one_core():
    """Let what is started use one thread: two that wait for each other are ten times slower beside other work.

    Runs that vary so much are INCONCLUSIVE, rightly, and this suite has other work to do at the same time.
    """
    process = psutil.Process()
    if not hasattr(process, "cpu_affinity"):  # macOS
        yield
        return
    before = process.cpu_affinity()
    process.cpu_affinity(before[-1:])
    try:
        yield
    finally:
        process.cpu_affinity(before)


def test_every_command_of_the_example_prints_what_the_page_shows(followed):
    _, told = followed
    assert len(told) > 20
    for step, printed in told:
        assert step.prints(printed), f"$ {step.command}\n{printed}"


@pytest.mark.parametrize(
    ("run", "state"), [("run", "APPROVED"), ("broken", "REJECTED"), ("waived", "APPROVED WITH 1 WAIVER")]
)
def test_the_state_is_that_of_a_real_engine_and_no_rehearsal(followed, run, state):
    verdicts = json.loads((followed[0] / run / "verdicts.json").read_text())

    assert verdicts["target"]["matches"]
    assert verdicts["target"]["measured"].startswith("llama.cpp ")
    assert (verdicts["state"]["1"]["state"], verdicts["state"]["1"]["rehearsal"]) == (state, False)
    assert {entry["id"]: entry["n"] for entry in verdicts["criteria"]}["SLA-TPS-GUARANTEE"] == 5


@pytest.mark.parametrize("file", ["raw", "signoff-phase1.html", "signatures/phase1.devops-lead.svr.json"])
def test_a_flipped_byte_of_the_accepted_run_is_refused(followed, tmp_path, monkeypatch, capsys, file):
    monkeypatch.setattr(Figure, "savefig", save_nothing)
    shutil.copytree(followed[0] / "run", tmp_path / "run")
    path = tmp_path / "run" / file
    path = next(path.rglob("*.npz")) if path.is_dir() else path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    assert main(["verify", str(tmp_path / "run"), "--keys", str(followed[0] / "TEST-KEYS"), "--accepted", "1"]) == 1
    said = capsys.readouterr().out
    assert f"CHANGED OR WRONG  {path.relative_to(tmp_path / 'run').as_posix()}: " in said
    assert "REFUSED" in said


def test_a_rejection_that_is_rewritten_into_an_approval_is_refused(followed, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Figure, "savefig", save_nothing)
    shutil.copytree(followed[0] / "broken", tmp_path / "broken")
    path = tmp_path / "broken" / "verdicts.json"
    path.write_text(path.read_text().replace('"verdict":"FAIL"', '"verdict":"PASS"').replace("REJECTED", "APPROVED"))

    assert main(["verify", str(tmp_path / "broken"), "--keys", str(followed[0] / "TEST-KEYS")]) == 1
    assert "SLA-TPS-GUARANTEE is PASS there, FAIL from the evidence" in capsys.readouterr().out
