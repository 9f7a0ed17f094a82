"""What ``rawrxd soak status`` says of a soak that runs, was left, or is over."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fakes.soak import World, away, kill

from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.soak_status import status_lines

NOW = datetime(2026, 1, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    path = tmp_path_factory.mktemp("profiles") / "fewer.toml"
    path.write_text('title = "t"\nkind = "acceptance"\nextends = "rx7800xt"\n[protocol.soak]\nburst_every = "10 min"\n')
    return load_profile(str(path))


def said(world, profile, tmp_path, *, alive):
    for record in world.records:
        record.data.setdefault("process_started", 0.0)
    return "\n".join(status_lines(world.evidence(profile, tmp_path), NOW, lambda _pid, _started: alive))


def test_a_running_soak_tells_progress_end_drift_and_crashes(profile, tmp_path):
    world = World(events=[(12.0, kill)])
    world.run(profile)

    text = said(world, profile, tmp_path, alive=True)

    assert ": RUNNING" in text
    assert "24.83 % of 48 hours, 12 hours observed, ends about 2026-01-04 12:" in text
    assert "drift so far: INCONCLUSIVE" in text
    assert "leak <" in text
    assert "crashes: 0; lost requests: 0 of" in text
    assert "worst gap: 13 ms" in text
    assert "interruptions: none" in text


def test_a_soak_whose_process_is_gone_was_interrupted_and_says_how_it_goes_on(profile, tmp_path):
    world = World(events=[(12.0, kill)])
    world.run(profile)

    text = said(world, profile, tmp_path, alive=False)

    assert ": INTERRUPTED" in text
    assert f"next: rawrxd soak start {tmp_path} (it goes on)" in text


def test_a_finished_soak_is_to_be_collected_and_names_its_gaps(profile, tmp_path):
    world = World(events=[(12.0, away(0.1))])
    world.run(profile)
    world.run(profile, resume=True)

    text = said(world, profile, tmp_path, alive=False)

    assert ": FINISHED" in text
    assert "interruptions: 1" in text
    assert "rawrxd soak collect" in text


def test_a_run_without_a_soak_says_how_to_start_one(profile, tmp_path):
    assert "rawrxd soak start" in said(World(), profile, tmp_path, alive=False)


def test_the_checkpoint_line_fits_a_phone(profile):
    world = World()
    world.run(profile)

    lines = [record.data["line"] for record in world.records if record.kind == "soak.checkpoint"]

    assert len(lines) == 48
    assert max(map(len, lines)) <= 120
    assert "of 48 h, 9.00 GB (" in lines[20]
