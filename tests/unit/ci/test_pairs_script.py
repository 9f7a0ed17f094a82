"""``ci/pairs.sh`` runs two commands in pairs whose order is drawn, as ``rawrxd compare`` wants them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_rawrxd.verdict.pairs import interleaved

SCRIPT = Path(__file__).parents[3] / "ci" / "pairs.sh"
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(
    BASH is None or not sys.platform.startswith("linux"), reason="the script is for Linux machines"
)


def run(*arguments):
    return subprocess.run([str(BASH), str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("seed", range(6))
def test_each_pair_has_both_and_the_order_is_drawn(tmp_path, seed):
    said = tmp_path / "said"
    done = run("--seed", seed, f"printf A >>{said}", f"printf B >>{said}; exit 1")  # 1: a promise was broken

    assert done.returncode == 0, done.stderr
    order = said.read_text()
    assert len(order) == 20
    assert interleaved(order)
    assert f"pair 10 of 10 (seed {seed})" in done.stdout
    said.unlink()
    run("--seed", seed, f"printf A >>{said}", f"printf B >>{said}")
    assert said.read_text() == order


def test_a_session_that_could_not_run_ends_it(tmp_path):
    done = run("--seed", 1, "true", "exit 4")

    assert done.returncode == 4
    assert "pairs.sh: B ended with 4 in pair 1" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("one",), "two commands, not 1"),
        (("--pairs", "many", "a", "b"), "--pairs needs a number, not 'many'"),
        (("--pairs", "0", "a", "b"), "--pairs needs one or more"),
        (("--seed",), "--seed needs a number, not ''"),
        (("--speed", "a", "b"), "usage: ci/pairs.sh"),
    ],
)
def test_what_it_cannot_use_is_named(arguments, said):
    done = run(*arguments)

    assert (done.returncode, said in done.stderr) == (4, True)
