"""Which levels a selection needs: the main run for what it bounds, one stream beside every efficiency."""

from pytest_rawrxd.measure.levels import LEVEL, MAIN, Level, needed_levels
from pytest_rawrxd.profile import load_profile

PROFILE = load_profile("rx7800xt")


def levels(*identifiers, profile=PROFILE):
    return needed_levels(profile, [profile.criteria[identifier] for identifier in identifiers])


def test_latency_at_the_main_number_of_streams_needs_the_main_run_only():
    assert levels("P2-LAT-P95", "P2-REQUESTS") == {Level(12, MAIN): 3}


def test_another_number_of_streams_needs_its_own_runs():
    assert levels("P2-LAT-P99-15") == {Level(15): 5}


def test_an_efficiency_needs_one_stream_interleaved_and_not_the_main_run():
    assert levels("P2-EFF-12") == {Level(1): 5, Level(12): 5}


def test_a_floor_needs_more_processes_than_the_main_run_has():
    assert levels("P2-AGG") == {Level(12, MAIN): 3, Level(12, LEVEL): 5}


def test_what_holds_during_load_needs_the_main_run():
    assert levels("P2-CRASH-LOAD", "SLA-VRAM") == {Level(12, MAIN): 3}


def test_the_most_users_are_looked_for_at_every_level_and_the_main_run_comes_first():
    found = levels("SLA-USERS")

    assert list(found) == [Level(12, MAIN), *(Level(streams) for streams in (1, 4, 8, 10, 12, 15, 16))]


def test_soak_phase_1_and_documents_need_no_level():
    assert levels("P2-SOAK-CRASH", "SLA-TPS-GUARANTEE", "P3-DOCS", "P1-BW-VRAM") == {}


def test_what_a_rehearsal_excuses_needs_none():
    assert levels("P2-UTIL", profile=load_profile("embedded")) == {}


def test_a_level_reads_like_a_sentence():
    assert [str(level) for level in (Level(1), Level(12, MAIN))] == ["1 stream", "12 streams, main run"]
