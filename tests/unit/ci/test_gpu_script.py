"""``ci/gpu.sh`` prepares a machine from local files alone; what it cannot use it names before anything runs."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "ci" / "gpu.sh"
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(
    BASH is None or not sys.platform.startswith("linux"), reason="the script prepares Linux machines"
)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHON": sys.executable}
    return subprocess.run(
        [str(BASH), str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, env=environ, check=False
    )


@pytest.fixture
def parts(tmp_path):
    """An engine archive with the libraries of a Vulkan build in name only, and one wheel."""
    lib = tmp_path / "llama_cpp" / "lib"
    lib.mkdir(parents=True)
    for name in ("libllama.so", "libggml-vulkan.so.0"):
        (lib / name).write_bytes(b"")
    (lib.parent / "__init__.py").write_text('__version__ = "0.0.0"\n')
    archive = tmp_path / "llama-0.0.0-vulkan.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(lib.parent, "llama_cpp")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "carried-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("carried.py", "VALUE = 7\n")
    return archive, wheels, tmp_path / "work"


def test_everything_is_unpacked_below_the_work_folder_and_the_models_are_made(parts):
    archive, wheels, work = parts

    done = run(
        *("--engine", archive, "--wheels", wheels, "--work", work, "--shape", "tiny", "--variants", "Q2_K,Q8_0"),
        *("--profile", "h100-pilot", "--prepare-only"),
    )

    assert done.returncode == 0, done.stderr
    assert "engine vulkan from llama-0.0.0-vulkan.tar.xz" in done.stdout
    lib = work / "engine-llama-0.0.0-vulkan" / "llama_cpp" / "lib"
    assert (lib / "libllama.so.0").resolve() == (lib / "libllama.so").resolve()
    assert (work / "site" / "carried.py").read_text() == "VALUE = 7\n"
    assert sorted(path.name for path in (work / "models-tiny").glob("*.gguf")) == [
        "synthetic-tiny-Q2_K.gguf",
        "synthetic-tiny-Q8_0.gguf",
    ]
    assert "missing: Q4_K, Q5_K_M, Q6_K, Hybrid" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--engine: no such archive: ''"),
        (("--engine", SCRIPT), "--wheels: no such folder: ''"),
        (("--engine",), "--engine needs a value"),
        (("--speed", "fast"), "unknown option --speed"),
    ],
)
def test_what_is_missing_is_named_with_exit_status_4(arguments, said):
    done = run(*arguments)

    assert done.returncode == 4
    assert f"gpu.sh: {said}" in done.stderr


def test_a_folder_without_the_benchmarks_is_named_before_anything_is_unpacked(parts):
    archive, wheels, work = parts

    done = run("--engine", archive, "--wheels", wheels, "--work", work, "--bench", wheels)

    assert done.returncode == 4
    assert f"gpu.sh: --bench: no program llama-bench in '{wheels}'" in done.stderr
    assert not work.exists()


def test_an_archive_without_an_engine_is_refused(parts):
    archive, wheels, work = parts
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(SCRIPT, "llama_cpp/readme")

    done = run("--engine", archive, "--wheels", wheels, "--work", work)

    assert done.returncode == 4
    assert "holds no llama_cpp/lib" in done.stderr


def test_the_script_is_clean_by_its_linter():
    linter = shutil.which("shellcheck")
    if linter is None:
        pytest.skip("shellcheck is not installed")

    subprocess.run([linter, str(SCRIPT)], check=True)
