"""``rawrxd soak start``: what it starts, what it goes on with, and what it refuses."""

from __future__ import annotations

import pytest
from fakes.soak import World, kill

from pytest_rawrxd.cli import main, soak
from pytest_rawrxd.evidence.campaign import open_campaign
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.evidence.ledger import LedgerWriter
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.detached import Detached
from pytest_rawrxd.rig.gpu import lease

ARGV = ("acceptance/", "-m", "soak", "--sla-models", "models of mine", "--sla-engine=llama-server:/opt/llama")


@pytest.fixture
def started(monkeypatch, tmp_path):
    """The commands that were started, none of them for real, in a folder with a cache of its own."""
    commands = []

    def start(command, **_how):
        commands.append(list(command))
        return Detached("a test", "nothing")

    monkeypatch.setattr(soak, "start_detached", start)
    monkeypatch.setattr(soak, "_watch_start", lambda *_: 0)
    monkeypatch.setattr(soak, "find_gpus", tuple)
    monkeypatch.setenv("RAWRXD_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return commands


def left(folder, *, ended=None):
    """A run directory with a soak that was left, of a profile whose file nobody has any more."""
    path = folder / "gone.toml"
    path.write_text('title = "t"\nkind = "acceptance"\nextends = "rx7800xt"\n[protocol.soak]\nburst_every = "1 h"\n')
    profile = load_profile(str(path))
    path.unlink()
    world = World(events=[(3.0, kill)])
    world.run(profile)
    identity = Identity(profile.digest, {}, {"name": "made up", "version": "1", "backend": "cpu"}, None, {})
    run_dir = folder / "run"
    campaign = open_campaign(run_dir, identity, profile, SYSTEM)
    with LedgerWriter(
        run_dir / "ledger", session="s001", worker="main", identity=campaign.identity.digest, clock=SYSTEM
    ) as ledger:
        ledger.write("session.start", {"argv": list(ARGV)})
        for record in world.records:
            if record.kind != "canary":
                ledger.write(record.kind, record.data)
        if ended is not None:
            ledger.write("soak.end", {"at_s": 10800.0, "why": ended, "said": "", "pace": None})
    return run_dir


def test_a_soak_of_a_profile_is_a_session_of_its_own(started, tmp_path):
    assert main(["soak", "start", "embedded", "--run-dir", "here", "--engine", "scripted:steady"]) == 0

    (command,) = started
    assert command[-6:] == ["--sla-run-dir", "here", "--sla-profile", "embedded", "--sla-engine", "scripted:steady"]


@pytest.mark.parametrize(("engine", "lanes"), [("llama-cpp-python", ["-n", "2"]), ("openai:http://127.0.0.1:1/v1", [])])
def test_a_soak_of_two_cards_has_a_lane_for_each_unless_one_server_has_both(started, tmp_path, engine, lanes):
    (tmp_path / "two.toml").write_text('title = "two"\nextends = "embedded"\nhardware.gpus = 2\n')

    assert main(["soak", "start", "two.toml", "--run-dir", "here", "--engine", engine]) == 0

    (command,) = started
    assert command[command.index("--sla-engine") + 2 :] == lanes


@pytest.mark.parametrize("ended", [None, "stopped"])
def test_a_soak_that_was_left_goes_on_with_its_own_promises_engine_and_models(started, tmp_path, ended):
    run_dir = left(tmp_path, ended=ended)

    assert main(["soak", "start", str(run_dir)]) == 0

    (command,) = started
    as_before = ["--sla-models", "models of mine", "--sla-engine", "llama-server:/opt/llama"]
    assert command[-6:] == ["--sla-resume", str(run_dir), *as_before]
    assert "--sla-profile" not in command


def test_what_is_named_now_counts_more_than_what_was_named_before(started, tmp_path):
    main(["soak", "start", str(left(tmp_path)), "--models", "others"])

    assert started[0][-4:-2] == ["--sla-models", "others"]


def test_a_soak_that_is_over_does_not_go_on(started, tmp_path, capsys):
    assert main(["soak", "start", str(left(tmp_path, ended="finished"))]) == 4

    assert started == []
    assert "is over and cannot go on" in capsys.readouterr().err


def test_two_folders_are_refused(started, tmp_path, capsys):
    assert main(["soak", "start", str(left(tmp_path)), "--run-dir", "other"]) == 4

    assert "two folders are named" in capsys.readouterr().err


def test_a_second_soak_on_one_device_is_refused_and_says_what_to_do(started, tmp_path, capsys):
    with lease("cpu", tmp_path / "cache" / "locks", wait_s=0):
        assert main(["soak", "start", "embedded", "--run-dir", "here"]) == 4

    assert started == []
    said = capsys.readouterr().err
    assert "a soak needs a device of its own, and this one is in use" in said
    assert "rawrxd soak stop RUN_DIR" in said
    assert main(["soak", "start", "embedded", "--run-dir", "here"]) == 0
