"""What is wrong before the first measurement ends with 4, says what is possible, and loses nothing."""

import pytest
from filelock import FileLock

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.engine import choose


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
        (
            ["--sla-engine", "vllm"],
            [
                "ERROR: unknown engine 'vllm'",
                "  where: --sla-engine",
                "  possible: llama-cpp-python*llama-server*openai*",
            ],
        ),
        (
            ["--sla-resume", "run"],
            ["ERROR: this is not a run directory", "  where: run", "  found: no campaign.json", "  possible: *"],
        ),
        (
            ["--sla-baseline", "nothing"],
            ["ERROR: the baseline cannot be read*", "  where: --sla-baseline", "  found: *", "  possible: *"],
        ),
    ],
)
def test_it_is_refused_before_anything_is_measured(acceptance, arguments, says):
    result = acceptance.run(*arguments)

    assert result.ret == 4
    result.stderr.fnmatch_lines(says)
    assert not acceptance.run_dir.joinpath("ledger").exists()


def test_a_run_directory_that_cannot_be_made_is_refused(acceptance):
    acceptance.run_dir.write_text("a file is in its place")

    result = acceptance.run()

    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["ERROR: the run directory cannot be written", "  where: */run", "  found: *", "  possible: *--sla-run-dir"]
    )


def test_a_claim_that_cannot_be_read_is_refused_before_anything_is_measured(acceptance):
    acceptance.write_test("import pytest\n\nNAME = 'P1-PEAK'\n\n@pytest.mark.sla(NAME)\ndef test_it(): ...\n")

    result = acceptance.run()

    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: an sla mark takes literal criterion ids", "  where: *:5", "  found: NAME"])


def test_an_engine_that_does_not_start_is_refused_in_words(acceptance, monkeypatch):
    def refused(*_):
        raise RigTrouble("the engine ended by itself", where="process 7", found="exit code 1")

    monkeypatch.setitem(choose.OPENERS, "scripted-process", refused)

    result = acceptance.run(engine="scripted-process:steady")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: the engine ended by itself", "  where: process 7", "  found: exit code 1"])


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
