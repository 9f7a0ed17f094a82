"""What is wrong before the first measurement ends with 4, says what is possible, and loses nothing."""

import pytest
from filelock import FileLock


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-n", "2"], ["*more workers than GPU lanes*", "*found: 2 workers*"]),
        (["-n", "1", "--dist", "loadgroup"], ["*--dist loadgroup does not go with an SLA profile*"]),
        (["-n", "1", "--dist", "loadscope"], ["*--dist loadscope does not go*"]),
        (["-n", "1", "--dist", "loadfile"], ["*--dist loadfile does not go*"]),
        (["-n", "1", "--dist", "each"], ["*--dist each does not go*"]),
        (["--alluredir", "a", "--clean-alluredir"], ["*--clean-alluredir does not go*", "*possible: a new directory*"]),
        (["--sla-profile", "embeded"], ["*embeded*", "*possible: embedded*"]),
        (["--sla-engine", "scripted:stedy"], ["*unknown scene 'stedy'*did you mean steady*"]),
        (["--sla-engine", "vllm"], ["*unknown engine 'vllm'*", "*llama-cpp-python*"]),
    ],
)
def test_it_is_refused_before_anything_is_measured(acceptance, arguments, says):
    result = acceptance.run(*arguments)

    assert result.ret == 4
    result.stderr.fnmatch_lines(says)
    assert not acceptance.run_dir.joinpath("ledger").exists()


def test_a_broken_profile_names_file_line_and_key(acceptance):
    acceptance.write_profile('[criteria.SLA-TPS-GUARANTEE]\nat_leest = "2 tok/s"\n')

    result = acceptance.run()

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*small.toml:9*at_leest*", "*possible: at_least*"])


def test_a_missing_gpu_is_refused(acceptance):
    acceptance.write_profile("[hardware]\ngpus = 64\n")

    result = acceptance.run(engine="llama-cpp-python")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*measures 64 GPUs*", "*possible:*--sla-profile embedded*"])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: None, "*models folder cannot be read*"),
        (lambda folder: folder.mkdir(), "*no GGUF file*"),
        (lambda folder: (folder.mkdir(), (folder / "x-Q4_K.gguf").write_bytes(b"GGUF\x03\0\0\0")), "*x-Q4_K.gguf*"),
        (lambda folder: (folder.mkdir(), (folder / "x-Q4_K.gguf").write_bytes(b"PK\x03\x04" * 99)), "*x-Q4_K.gguf*"),
    ],
    ids=["missing", "empty", "truncated", "foreign"],
)
def test_a_models_folder_that_cannot_be_measured_is_refused(acceptance, make, says):
    make(acceptance.pytester.path / "models")

    result = acceptance.run("--sla-models", "models", engine="llama-cpp-python")

    assert result.ret == 4
    result.stderr.fnmatch_lines([says])


def test_a_running_session_keeps_its_run_directory(acceptance):
    acceptance.run_dir.mkdir()
    with FileLock(acceptance.run_dir / ".session.lock"):
        result = acceptance.run()

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*another session is measuring into this run directory*"])


def test_a_folder_of_other_files_is_no_run_directory(acceptance):
    acceptance.run_dir.mkdir()
    (acceptance.run_dir / "thesis.tex").write_text("precious")

    result = acceptance.run()

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*holds other files but no campaign*"])
    assert (acceptance.run_dir / "thesis.tex").read_text() == "precious"


def test_a_plugin_that_reruns_failed_tests_is_refused(acceptance):
    acceptance.pytester.makepyfile(rerunfailures="")
    acceptance.pytester.syspathinsert()

    result = acceptance.run("-p", "rerunfailures")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*reruns failed tests*", "*possible: -p no:rerunfailures*"])


def test_nothing_collected_is_5(acceptance):
    assert acceptance.run("-k", "nothing_of_this_name").ret == 5
