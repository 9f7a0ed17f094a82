"""The worked example of a signed run and the openssl recipe do what they say, on the recording of a real GPU."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fakes.charts import save_nothing
from fakes.session_text import BASH, follow, script, steps
from matplotlib.figure import Figure

from pytest_rawrxd.places import package_data

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "signed-run.md"
RECIPE = DOCS / "how-to" / "audit-with-openssl.md"
TOOLS = ("bash", "openssl", "sha256sum", "sed", "find")

pytestmark = pytest.mark.skipif(any(shutil.which(tool) is None for tool in TOOLS), reason=f"needs {', '.join(TOOLS)}")


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """The example, followed to its end; (folder, [(step, what it printed)])."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save_nothing)
        folder = tmp_path_factory.mktemp("example")
        patch.chdir(folder)
        patch.setenv("COLUMNS", "400")
        shutil.copytree(
            package_data("fixtures") / "recordings" / "h100-pilot-cuda", "fixtures/recordings/h100-pilot-cuda"
        )
        followed = []
        for step in steps(EXAMPLE):
            if step.command.startswith("sed"):
                shutil.copytree("h100", "before")
            followed.append((step, follow(step.command)))
        yield folder, followed


def test_every_command_of_the_example_prints_what_the_page_shows(signed):
    _, followed = signed
    assert len(followed) > 10
    for step, printed in followed:
        assert step.prints(printed), f"$ {step.command}\n{printed}"


def test_the_keys_of_the_example_are_labelled_as_such(signed):
    folder, followed = signed
    assert all("TEST-KEYS-worth-nothing" in step.command for step, _ in followed if "keygen" in step.command)
    assert {path.parent.name for path in folder.rglob("*.key")} == {"TEST-KEYS-worth-nothing"}


def audit(run, keys, tmp_path, signer="technical-lead"):
    """The recipe, word for word."""
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    return subprocess.run(
        [BASH, "-euo", "pipefail", "-c", script(RECIPE)],
        env={
            **os.environ,
            "RUN": str(run),
            "ENVELOPE": f"signatures/phase1.{signer}.test-result.json",
            "KEY": str(keys / "technical-lead.pub"),
            "WORK": str(work),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def run(signed, tmp_path):
    """The signed run as it was before its page was changed, and the keys."""
    shutil.copytree(signed[0] / "before", tmp_path / "run")
    return tmp_path / "run", signed[0] / "TEST-KEYS-worth-nothing"


def test_plain_openssl_confirms_what_was_signed(run, tmp_path):
    done = audit(*run, tmp_path)

    assert done.returncode == 0, done.stderr
    assert "the signature holds for these files" in done.stdout


@pytest.mark.parametrize(
    "file",
    [
        "signoff-phase1.html",
        "verdicts.json",
        "campaign.json",
        "ledger/s001-main.jsonl",
        "SHA256SUMS",
        "signatures/phase1.technical-lead.test-result.json",
    ],
)
def test_plain_openssl_refuses_a_changed_byte(run, tmp_path, file):
    path = run[0] / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    assert audit(*run, tmp_path).returncode != 0


def test_plain_openssl_refuses_an_unlisted_file_and_a_stranger_s_signature(run, tmp_path):
    assert audit(*run, tmp_path, signer="gpu-engineering-lead").returncode != 0
    (run[0] / "charts" / "more.svg").write_text("more")
    assert audit(*run, tmp_path).returncode != 0
