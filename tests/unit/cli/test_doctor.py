"""``rawrxd doctor`` on whatever machine the tests run on: it answers everywhere, its exit code says what it found."""

from pathlib import Path

import pytest

from pytest_rawrxd.cli import doctor, main

RADEON = Path(__file__).parents[2] / "machines" / "rx7800xt-linux-constructed"


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    """No test depends on the machine's GPU, and none waits a second for the load of others."""
    monkeypatch.setattr(doctor, "find_gpus", lambda: ())
    monkeypatch.setattr("pytest_rawrxd.measure.checkup.WATCH_S", 0.0)


def test_without_a_profile_an_engine_is_all_that_is_asked(capsys):
    assert main(["doctor", "--sla-engine", "scripted:steady"]) == 0

    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if line and line[0] != " "] == [
        "Machine",
        "GPUs",
        "Engine",
        "Telemetry, of the first GPU and of the host",
        "Models",
    ]


def test_a_profile_that_cannot_be_measured_here_ends_with_one(capsys):
    assert main(["doctor", "rx7800xt", "--sla-engine", "scripted:steady"]) == 1

    assert "NOT MEASURED     P1-BW-TEMP, P2-SOAK-TEMP, SLA-TEMP" in capsys.readouterr().out


def test_a_rehearsal_that_can_be_measured_ends_with_zero(capsys):
    assert main(["doctor", "embedded", "--sla-engine", "scripted:steady"]) == 0

    assert "Every criterion of this profile can be answered here." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"), [(["rx7800"], "rx7800xt"), (["--sla-engine", "scripted:stedy"], "did you mean")]
)
def test_what_does_not_exist_is_a_usage_problem(capsys, arguments, said):
    assert main(["doctor", *arguments]) == 4
    assert said in capsys.readouterr().err


def test_help_states_the_exit_codes(capsys):
    assert main(["doctor", "--help"]) == 0
    assert "Exit code: 0 when nothing is in the way, 1 when" in " ".join(capsys.readouterr().out.split())


def test_a_recording_shows_the_same_machine_again(tmp_path, capsys):
    recorded = tmp_path / "machine"
    code = main(["doctor", "rx7800xt", "--sla-engine", "scripted:steady", "--record", str(recorded)])
    said = capsys.readouterr().out

    assert main(["doctor", "rx7800xt", "--replay", str(recorded)]) == code
    here, there = "no folder is named: --sla-models DIR", "a recording holds no models: --sla-models DIR"
    assert capsys.readouterr().out == said.replace(here, there)
    assert (recorded / "doctor.json").is_file()


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [(None, 4, "a folder that --record wrote"), ("{", 4, "there is no recording"), ("{}", 1, "no recorded check-up")],
)
def test_what_is_no_recording_is_refused(tmp_path, capsys, content, code, said):
    if content is not None:
        (tmp_path / "doctor.json").write_text(content)

    assert main(["doctor", "--replay", str(tmp_path)]) == code
    assert said in capsys.readouterr().err


def test_a_recording_is_not_written_over(tmp_path, capsys):
    assert main(["doctor", "--record", str(tmp_path)]) == 4
    assert "not written over" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["doctor", "--record", str(tmp_path / "file" / "machine")]) == 4
    assert "a place that you may write to" in capsys.readouterr().err
    assert main(["doctor", "--replay", str(tmp_path), "--record", str(tmp_path / "new")]) == 4
    assert "shows another machine" in capsys.readouterr().err


def test_models_of_here_are_held_against_the_card_of_there(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("RAWRXD_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "models"
    main(["models", "synth", "--shape", "tiny", "--variants", "all", "-o", str(folder), "--workers", "1"])
    capsys.readouterr()

    assert main(["doctor", "rx7800xt", "--replay", str(RADEON), "--sla-models", str(folder)]) == 0

    said = capsys.readouterr().out
    assert "Q8_0             synthetic-tiny-Q8_0.gguf" in said
    assert said.endswith("Every criterion of this profile can be answered here.\n")
