"""``rawrxd doctor`` on whatever machine the tests run on: it answers everywhere, its exit code says what it found."""

from pathlib import Path

import pytest
from fakes.nvml import ScriptedNvml

from pytest_rawrxd.cli import doctor, main
from pytest_rawrxd.rig.gpu.detect import NVML, Gpu
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.rig.telemetry.access import Access
from pytest_rawrxd.rig.telemetry.recording import place_of, replayed
from pytest_rawrxd.rig.telemetry.sources import sources
from pytest_rawrxd.settings import OPTIONS

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
        "Telemetry, of the host",
        "Models",
    ]


def test_a_profile_that_cannot_be_measured_here_ends_with_one(capsys):
    assert main(["doctor", "rx7800xt", "--sla-engine", "scripted:steady"]) == 1

    assert "NOT MEASURED     P1-BW-TEMP, P2-SOAK-TEMP, SLA-TEMP" in capsys.readouterr().out


def test_a_rehearsal_that_can_be_measured_ends_with_zero(capsys):
    assert main(["doctor", "embedded", "--sla-engine", "scripted:steady"]) == 0

    assert "Every criterion of this profile can be answered here." in capsys.readouterr().out


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of one's own, in an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    for option in OPTIONS.values():
        monkeypatch.delenv(option.variable, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "environment", "ini", "shown"),
    [
        ("embedded", "rx7800xt", "production", "Profile embedded:"),
        (None, "embedded", "production", "--sla-profile    embedded, by environment RAWRXD_SLA_PROFILE"),
        (None, None, "embedded", "--sla-profile    embedded, by ini option sla_profile"),
        ("none", "embedded", "embedded", None),
        (None, "none", "embedded", None),
        (None, None, "none", None),
        (None, None, None, None),
    ],
)
def test_a_profile_comes_from_where_a_session_would_take_it(place, monkeypatch, capsys, line, environment, ini, shown):
    monkeypatch.setenv("RAWRXD_SLA_ENGINE", "scripted:steady")
    if environment:
        monkeypatch.setenv("RAWRXD_SLA_PROFILE", environment)
    if ini:
        (place / "pytest.ini").write_text(f"[pytest]\nsla_profile = {ini}\n")

    assert main(["doctor", *([line] if line else [])]) == 0

    said = capsys.readouterr().out
    assert "  --sla-engine     scripted:steady, by environment RAWRXD_SLA_ENGINE" in said.splitlines()
    if shown is None:
        assert "Profile" not in said
    else:
        assert shown in said
        assert "Profile embedded:" in said


def test_models_and_run_directory_are_taken_from_the_settings_too(place, monkeypatch, capsys):
    monkeypatch.setenv("RAWRXD_SLA_MODELS", "no-such-folder")
    (place / "pyproject.toml").write_text('[tool.pytest]\nsla_run_dir = "kept/here"\nsla_engine = "scripted:steady"\n')

    main(["doctor"])

    said = capsys.readouterr().out
    assert "GB free for kept/here" in said
    assert "models folder cannot be read: No such file" in said
    assert main(["doctor", "--sla-models", "none"]) == 0
    assert "no folder is named" in capsys.readouterr().out


CARDS = tuple(Gpu(f"card {index}", f"GPU-{index}", 80 << 30, "580", NVML) for index in range(2))


def test_every_card_is_looked_at_and_recorded(place, monkeypatch, capsys):
    """Two cards of one driver: their answers to the same questions do not mix, here or in the recording."""
    monkeypatch.setattr(doctor, "find_gpus", lambda: CARDS)
    machine = Access("Linux", TwoCards, lambda: 1 / 0, lambda: 1 / 0, lambda: b"", place, place)
    monkeypatch.setattr(doctor, "this_machine", lambda: machine)

    assert main(["doctor", "--sla-engine", "scripted:steady", "--record", "machine"]) == 0

    said = capsys.readouterr().out
    first, second = said.split("Telemetry, of GPU 0 and of the host")[1].split("Telemetry, of GPU 1")
    assert "temperature_c                40 degC" in first
    assert "temperature_c                90 degC" in second.split("Models")[0]
    assert "cpu_percent" in first
    assert "cpu_percent" not in second
    assert main(["doctor", "--replay", "machine"]) == 0
    assert capsys.readouterr().out.split("Models")[0] == said.split("Models")[0]
    for index, temperature in enumerate((40, 90)):
        access = replayed(place_of(place / "machine", index), "Linux")
        with open_probes((), gpu=CARDS[index], candidates=sources(CARDS[index], access)) as telemetry:
            assert telemetry.read()["temperature_c"] == temperature


class TwoCards(ScriptedNvml):
    """A driver with two cards, the second one hot."""

    def nvmlDeviceGetHandleByUUID(self, uuid):  # noqa: N802 - NVML's names
        return {card.uuid: index for index, card in enumerate(CARDS)}[uuid]

    def nvmlDeviceGetTemperature(self, handle, _):  # noqa: N802
        return (40, 90)[handle]


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
    [
        (None, 4, "a folder that --record wrote"),
        ("{", 4, "there is no recording"),
        ("{}", 1, "no recorded check-up"),
        ("[]", 1, "no recorded check-up"),
        ("[" * 20_000, 4, "nested too deeply"),
        (" " * (5 << 20), 4, "more than 4194304 bytes"),
    ],
    ids=["nothing", "no JSON", "no check-up", "a list", "too deep", "too large"],
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
