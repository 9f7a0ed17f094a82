"""Two days of a soak in seconds: leaks, steps, missing hours and clocks that jump, judged by the roadmap's profile."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from fakes.soak import World, away, crash, fill_disk, kill, reboot, set_clock, suspend

from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.verdict.judge import judge_criterion
from pytest_rawrxd.verdict.rulebook import RULES
from pytest_rawrxd.verdict.sides import campaign_side
from pytest_rawrxd.verdict.soak_memory import early_failure

#: The roadmap's soak with a tenth of its bursts: everything else is what the tests are about, and they take a third.
FEWER_BURSTS = """
title = "the roadmap's soak with fewer bursts"
kind = "acceptance"
extends = "rx7800xt"

[protocol.soak]
burst_every = "5 min"
"""


@pytest.fixture(scope="module")
def roadmap():
    return load_profile("rx7800xt")


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    path = tmp_path_factory.mktemp("profiles") / "fewer.toml"
    path.write_text(FEWER_BURSTS)
    return load_profile(str(path))


def judged(world, profile, tmp_path, *ids):
    evidence = world.evidence(profile, tmp_path)
    found = {}
    for identifier in ids:
        criterion = profile.criteria[identifier]
        found[identifier] = RULES[criterion.metric](evidence, criterion)[0]
    return found if len(ids) > 1 else found[ids[0]]


def leak(mb_per_h, *, base=9000.0):
    """Memory of a process that leaks and is reset by every restart."""
    return lambda held: base + mb_per_h * held.age


@pytest.fixture(scope="module")
def steady(roadmap):
    world = World()
    assert world.run(roadmap) == "finished"
    return world


def test_a_steady_soak_keeps_every_promise_about_it(steady, roadmap, tmp_path):
    wanted = [
        criterion.id
        for criterion in roadmap.criteria.values()
        if criterion.id.startswith("P2-SOAK") or criterion.id in {"SLA-AVAIL", "P2-REPORT-SOAK"}
    ]

    found = judged(steady, roadmap, tmp_path, *wanted)

    assert {identifier: str(each.verdict) for identifier, each in found.items()} == dict.fromkeys(wanted, "PASS")
    assert "mean time between them >= 16" in found["P2-SOAK-CRASH"].reason
    assert len(wanted) == 20


def test_forty_eight_hours_are_a_small_journal(steady):
    stored = sum(len(repr(record.data)) + 400 for record in steady.records)

    assert stored < 20e6


@pytest.mark.parametrize(
    ("mb_per_h", "verdict"),
    [(0.0, "PASS"), (0.5, "PASS"), (1.0, {"PASS", "INCONCLUSIVE"}), (2.0, "FAIL"), (5.0, "FAIL")],
)
def test_a_leak_is_seen_through_restarts(mb_per_h, verdict, profile, tmp_path):
    world = World(leak(mb_per_h))
    world.run(profile)

    drift = judged(world, profile, tmp_path, "P2-SOAK-DRIFT")

    assert str(drift.verdict) in ({verdict} if isinstance(verdict, str) else verdict)
    assert drift.estimate == pytest.approx(48 * mb_per_h, abs=6)


def test_a_leak_of_the_driver_that_no_process_shows_is_seen_on_the_device(profile, tmp_path):
    world = World(device=lambda held: 9300 + 5 * held.hours)
    world.run(profile)

    drift = judged(world, profile, tmp_path, "P2-SOAK-DRIFT")

    assert str(drift.verdict) == "FAIL"
    assert drift.reason.startswith("device memory of all processes")


def test_a_process_that_takes_memory_in_the_midst_of_a_soak_makes_it_invalid(profile, tmp_path):
    world = World(device=lambda held: 9300 + 300.0 * (held.hours > 20))
    world.run(profile)

    found = judged(world, profile, tmp_path, "P2-SOAK-DRIFT", "P2-SOAK-P95")

    assert {str(each.verdict) for each in found.values()} == {"INVALID"}
    assert found["P2-SOAK-P95"].reason.startswith("other processes used the device: memory that is not the engine's")


def test_what_a_driver_keeps_at_each_restart_counts_in_the_total_delta(profile, tmp_path):
    world = World(device=lambda held: 9300 + 40.0 * held.life)
    world.run(profile)

    found = judged(world, profile, tmp_path, "P2-SOAK-DRIFT", "P2-SOAK-DELTA")

    assert str(found["P2-SOAK-DRIFT"].verdict) == "PASS"  # no slope inside a life
    assert str(found["P2-SOAK-DELTA"].verdict) == "FAIL"


def test_a_step_inside_a_life_leaves_the_first_hours_floor(profile, tmp_path):
    world = World(lambda held: 9000 + 80.0 * (held.hours > 30))
    world.run(profile)

    assert str(judged(world, profile, tmp_path, "P2-SOAK-HOURLY").verdict) == "FAIL"


def test_a_sawtooth_that_comes_back_is_no_drift(profile, tmp_path):
    world = World(lambda held: 9000 + 20 * (held.age % 1.0))
    world.run(profile)

    found = judged(world, profile, tmp_path, "P2-SOAK-DRIFT", "P2-SOAK-HOURLY", "P2-SOAK-DELTA")

    assert {str(each.verdict) for each in found.values()} == {"PASS"}


def test_weights_that_leave_the_device_are_an_eviction(profile, tmp_path):
    world = World(lambda held: 9000.0 if math.floor(held.hours) != 20 else 1000.0)
    world.run(profile)

    drift = judged(world, profile, tmp_path, "P2-SOAK-DRIFT")

    assert (str(drift.verdict), "evicted" in drift.reason) == ("INVALID", True)


def test_a_soak_on_two_cards_is_a_soak_of_neither(profile, tmp_path):
    world = World()
    world.load["buffers"] = [{"device": name, "kind": "model", "bytes": 4 << 30} for name in ("Vulkan0", "Vulkan1")]
    world.run(profile)

    drift = judged(world, profile, tmp_path, "P2-SOAK-DRIFT")

    assert (str(drift.verdict), "Vulkan0, Vulkan1" in drift.reason) == ("INVALID", True)


def test_a_kill_of_a_quarter_of_an_hour_is_down_time_and_the_soak_goes_on(profile, tmp_path):
    world = World(events=[(20.0, away(0.25))])
    assert world.run(profile) is None
    assert world.run(profile, resume=True) == "finished"

    found = judged(world, profile, tmp_path, "P2-SOAK-COMPLETE", "P2-SOAK-HOURS", "P2-SOAK-DRIFT")

    assert {str(each.verdict) for each in found.values()} == {"PASS"}
    down = next(record.data["seconds"] for record in world.records if record.kind == "soak.gap")
    assert 900 <= down < 900 + 330  # and what was not written yet
    assert "1 interruptions" in found["P2-SOAK-DRIFT"].reason
    assert world.hours > 48.2


def test_missing_hours_are_never_filled_in(profile, tmp_path):
    world = World(events=[(20.0, away(3.0))])
    world.run(profile)
    world.run(profile, resume=True)

    found = judged(world, profile, tmp_path, "P2-SOAK-DRIFT")

    assert str(found.verdict) == "INVALID"
    assert "interruptions took more of the soak than it may lose" in found.reason


def test_samples_that_were_cut_out_of_a_journal_are_missed(steady, roadmap, tmp_path):
    cut = World()
    cut.records = [r for r in steady.records if not (r.kind == "soak.sample" and 3600 < r.data["at_s"] < 3 * 3600)]

    found = judged(cut, roadmap, tmp_path, "P2-SOAK-DRIFT")

    assert (str(found.verdict), "gap that is not downtime" in found.reason) == ("INVALID", True)


def test_a_soak_that_observed_longer_than_its_clock_ran_is_invalid(steady, roadmap, tmp_path):
    faster = World()
    faster.records = [replace(record, mono_ns=record.mono_ns // 2) for record in steady.records]

    assert str(judged(faster, roadmap, tmp_path, "P2-SOAK-HOURS").verdict) == "INVALID"


def test_a_reboot_counts_by_the_wall_clock(profile, tmp_path):
    world = World(events=[(20.0, reboot(0.2))])
    world.run(profile)
    assert world.run(profile, resume=True) == "finished"

    gaps = [record.data for record in world.records if record.kind == "soak.gap"]

    assert [gap["cause"] for gap in gaps] == ["reboot"]
    assert gaps[0]["seconds"] == pytest.approx(720, abs=330)  # and what was not written yet
    assert str(judged(world, profile, tmp_path, "P2-SOAK-DRIFT").verdict) == "PASS"


def test_a_reboot_into_the_past_cannot_be_counted(profile, tmp_path):
    world = World(events=[(20.0, reboot(0.2, wall_s=-86400))])
    world.run(profile)
    world.run(profile, resume=True)

    found = judged(world, profile, tmp_path, "P2-SOAK-DRIFT")

    assert (str(found.verdict), "unknown length" in found.reason) == ("INVALID", True)


def test_a_suspend_is_down_time_and_no_observed_time(profile, tmp_path):
    world = World(events=[(20.0, suspend(0.25))])
    assert world.run(profile) == "finished"

    gaps = [record.data for record in world.records if record.kind == "soak.gap"]

    assert [(gap["cause"], round(gap["seconds"])) for gap in gaps] == [("suspend", 900)]
    assert str(judged(world, profile, tmp_path, "P2-SOAK-COMPLETE").verdict) == "PASS"


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_a_step_of_the_wall_clock_changes_nothing_but_is_told(seconds, profile, tmp_path):
    world = World(events=[(20.0, set_clock(seconds))])
    world.run(profile)

    gaps = [record.data for record in world.records if record.kind == "soak.gap"]

    assert [(gap["cause"], gap["seconds"]) for gap in gaps] == [("clock step", 0.0)]
    assert str(judged(world, profile, tmp_path, "P2-SOAK-DRIFT").verdict) == "PASS"


def test_a_crash_is_counted_and_the_soak_goes_on_with_another_engine(profile, tmp_path):
    world = World(events=[(5.0, crash)])
    assert world.run(profile) == "finished"

    found = judged(world, profile, tmp_path, "P2-SOAK-CRASH", "P2-SOAK-COMPLETE", "P2-SOAK-LOG", "SLA-AVAIL")

    assert {identifier: str(each.verdict) for identifier, each in found.items()} == {
        "P2-SOAK-CRASH": "FAIL",
        "P2-SOAK-COMPLETE": "FAIL",  # the requests of that burst are lost
        "P2-SOAK-LOG": "FAIL",
        "SLA-AVAIL": "PASS",
    }
    assert "device lost" in found["P2-SOAK-LOG"].reason


def test_a_soak_that_was_left_claims_only_what_it_can(profile, tmp_path):
    world = World(events=[(10.0, kill)])
    world.run(profile)

    found = judged(world, profile, tmp_path, "P2-SOAK-DRIFT", "P2-SOAK-HOURS", "P2-SOAK-CRASH", "P2-SOAK-COMPLETE")

    assert {str(each.verdict) for each in found.values()} == {"INCONCLUSIVE"}
    assert "leak <" in found["P2-SOAK-DRIFT"].reason
    assert "--sla-resume" in found["P2-SOAK-HOURS"].next


def test_a_heavy_leak_fails_a_running_soak_at_its_first_look(profile, tmp_path):
    world = World(leak(30.0), events=[(6.6, kill)])
    world.run(profile, look=lambda samples: early_failure(samples, profile))

    looks = [record.data for record in world.records if record.kind == "soak.look"]

    assert len(looks) == 1
    assert "the look at 6 h fails at 99.9%" in looks[0]["failed"]
    assert str(judged(world, profile, tmp_path, "P2-SOAK-DRIFT").verdict) == "FAIL"


def test_nothing_is_measured_without_a_soak_and_the_answer_is_the_line_that_starts_one(profile, tmp_path):
    found = judged(World(), profile, tmp_path, "P2-SOAK-DRIFT")

    assert str(found.verdict) == "NOT MEASURED"
    assert found.next == f"rawrxd soak start {profile.files[0]} --run-dir reports/made-up"


def test_an_hour_of_a_full_disk_loses_nothing_that_fits_into_memory(profile, tmp_path):
    world = World(events=[(20.0, fill_disk(1.0))])
    assert world.run(profile) == "finished"

    assert str(judged(world, profile, tmp_path, "P2-SOAK-DRIFT").verdict) == "PASS"
    assert "THE JOURNAL CANNOT BE WRITTEN" in world.warnings[0]
    assert "0 records were lost" in world.warnings[1]


def test_a_counter_that_stood_still_while_the_model_loaded_is_not_judged(profile, tmp_path):
    world = World(leak(30.0), device=lambda held: 9300.0, events=[(7.0, kill)])
    world.still = ("process_memory_bytes",)
    world.run(profile)

    drift = judged(world, profile, tmp_path, "P2-SOAK-DRIFT")

    assert world.asked_to_distrust == ({"memory_used_bytes": 500e6}, (1000,), 8_000_000_000)
    assert (str(drift.verdict), drift.reason[:30]) == ("INCONCLUSIVE", "device memory of all processes")


def test_without_a_counter_that_can_be_trusted_memory_is_not_measured_and_says_why(profile, tmp_path):
    world = World(events=[(7.0, kill)])
    world.still = ("process_memory_bytes", "memory_used_bytes")
    world.run(profile)

    found = judged(world, profile, tmp_path, "P2-SOAK-DRIFT", "P2-SOAK-DELTA", "P2-SOAK-VRAM")

    assert {str(each.verdict) for each in found.values()} == {"NOT MEASURED"}
    assert all("not trusted: made up" in each.reason for each in found.values())


def test_an_engine_that_nobody_here_restarts_keeps_no_promise_about_restarts(profile, tmp_path):
    why = "somebody else started it"
    world = World()
    assert world.run(profile, unseen={"restart": why, "log": why, "crashes": why}) == "finished"

    names = ("COMPLETE", "RESTART", "LOG", "CRASH", "DRIFT", "HOURS")
    found = judged(world, profile, tmp_path, "SLA-AVAIL", *(f"P2-SOAK-{name}" for name in names))

    assert {identifier: str(each.verdict) for identifier, each in found.items()} == {
        "SLA-AVAIL": "NOT MEASURED",
        "P2-SOAK-COMPLETE": "NOT MEASURED",
        "P2-SOAK-RESTART": "NOT MEASURED",
        "P2-SOAK-LOG": "NOT MEASURED",
        "P2-SOAK-CRASH": "NOT MEASURED",
        "P2-SOAK-DRIFT": "PASS",
        "P2-SOAK-HOURS": "PASS",
    }
    assert "0 of 3 restarts" in found["P2-SOAK-COMPLETE"].reason
    assert why in found["P2-SOAK-COMPLETE"].reason
    assert [record.data["life"] for record in world.records if record.kind == "soak.life"] == [1]


def test_a_skipped_restart_is_not_made_up_for_by_a_session_that_goes_on(profile):
    world = World(events=[(13.0, kill)])
    world.run(profile, unseen={"restart": "somebody else started it"})
    assert world.run(profile, resume=True, unseen={"restart": "somebody else started it"}) == "finished"

    skipped = [record.data["step"] for record in world.records if record.kind == "soak.skipped"]
    assert len(skipped) == len(set(skipped)) == 3


def test_gaps_that_a_server_does_not_show_are_not_measured(profile, tmp_path):
    world = World(events=[(7.0, kill)])
    world.run(profile, unseen={"gaps": "the server replies once"})

    found = judged(world, profile, tmp_path, "P2-SOAK-P95", "P2-SOAK-P99", "P2-SOAK-LAT")

    assert {(str(each.verdict), each.reason) for each in found.values()} == {
        ("NOT MEASURED", "the server replies once")
    }


@pytest.mark.parametrize(("wrong", "verdict"), [(0, "PASS"), (1, "FAIL"), (12, "FAIL")])
def test_a_wrong_answer_at_the_end_fails_the_soak_whatever_its_speed(wrong, verdict, profile, tmp_path):
    world = World()
    world.wrong = wrong
    assert world.run(profile) == "finished"

    found = judged(world, profile, tmp_path, "P2-SOAK-CORRECT")

    assert str(found.verdict) == verdict
    assert found.n == 24  # twelve streams, alone and at once
    assert (found.estimate or 0) >= wrong


def test_canaries_that_take_longer_than_the_soak_do_not_fail_it(profile):
    world = World()
    world.song_s = 60 * 3600.0

    assert world.run(profile) == "finished"


def test_an_engine_that_dies_of_its_canaries_has_crashed_in_the_soak(profile, tmp_path):
    world = World()
    world.dies_singing = True
    assert world.run(profile) == "finished"

    found = judged(world, profile, tmp_path, "P2-SOAK-CRASH", "P2-SOAK-CORRECT")
    assert str(found["P2-SOAK-CRASH"].verdict) == "FAIL"
    assert str(found["P2-SOAK-CORRECT"].verdict) == "NOT MEASURED"


def test_a_soak_that_was_left_has_asked_nobody_at_its_end(profile, tmp_path):
    world = World(events=[(7.0, kill)])
    world.run(profile)

    assert str(judged(world, profile, tmp_path, "P2-SOAK-CORRECT").verdict) == "NOT MEASURED"


def test_a_soak_that_goes_on_is_held_against_the_answers_from_before_it(profile, tmp_path):
    world = World(events=[(7.0, kill)])
    world.run(profile)
    world.run(profile, resume=True)

    stages = [record.data["stage"] for record in world.records if record.kind == "canary"]
    assert stages == ["reference", "solo", "together"]
    assert str(judged(world, profile, tmp_path, "P2-SOAK-CORRECT").verdict) == "PASS"


def test_the_judge_writes_an_entry_for_every_soak_criterion(steady, roadmap, tmp_path):
    evidence = steady.evidence(roadmap, tmp_path)

    entry = judge_criterion(evidence, roadmap.criteria["P2-SOAK-P95"])

    assert entry["verdict"] == "NOT MEASURED"  # no test claims it in this campaign


def test_a_comparison_knows_the_soak(steady, roadmap, tmp_path):
    samples = {sample.metric: sample for sample in campaign_side(steady.evidence(roadmap, tmp_path)).samples}

    means = samples["mean_inter_token_latency"]
    assert (means.where["statistic"], means.problem, len(means.values)) == ("soak", None, 49)
    assert means.values[0] == pytest.approx(12.0, rel=0.01)
