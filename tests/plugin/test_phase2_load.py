"""The load criteria of phase 2 as their user meets them: the shipped acceptance tests against scripted engines."""

from __future__ import annotations

import pytest

PROFILE = """
title = "the load of the roadmap in virtual seconds"
kind = "rehearsal"
extends = "embedded"

[protocol.phase2]
requests = 72
levels = [1, 8, 10, 12, 15, 16]
level_duration = "4 s"

[gates]
stall_gap = "1 s"

[criteria.P2-LAT-P50]
at_most = "18 ms"

[criteria.P2-LAT-P95]
at_most = "50 ms"

[criteria.P2-LAT-P99]
at_most = "100 ms"

[criteria.P2-LAT-SPIKE]
at_most = "200 ms"

[criteria.P2-LAT-STALL]
at_most = "5 %"

[criteria.P2-LAT-TW95]
bound_of = "P2-LAT-P95"

[criteria.P2-AGG]
at_least = "700 tok/s"

[criteria.P2-EFF-12]
at_least = "70 %"
"""


@pytest.fixture
def phase2(acceptance):
    """A session with the acceptance tests of the load test that ship."""
    acceptance.write_profile(base=PROFILE)
    acceptance.write_shipped()
    return acceptance


def verdicts(phase2):
    entries = phase2.verdicts().values()
    return {entry["id"]: entry["verdict"] for entry in entries if entry["claimed_by"] and entry["phase"] == 2}


def test_a_steady_engine_keeps_every_bound_and_the_page_shows_every_level(phase2):
    phase2.run("-m", "phase2")

    open_ = {i for i, verdict in verdicts(phase2).items() if verdict not in {"PASS", "NOT APPLICABLE"}}
    assert open_ == {"P2-TTFT"}  # only a server has requests that come while others run
    page = (phase2.run_dir / "concurrency_load_test.html").read_text()
    assert all(f'<th scope="row">{streams}</th>' in page for streams in (1, 8, 10, 12, 15, 16))
    assert (phase2.run_dir / "concurrency_load_test.csv").read_text().count("\n") == 7


def test_the_size_of_the_sample_is_said_in_runs_and_blocks(phase2):
    phase2.write_profile(base=PROFILE.replace('at_most = "50 ms"', 'at_most = "15 ms"'))

    result = phase2.run("-k", "p95_inter_token_latency_at_twelve")

    result.stdout.fnmatch_lines(["E*missed by *; 3 runs, * blocks, n_eff *, confidence 60 %"])


def test_a_slow_engine_breaks_the_throughput_and_not_the_percentiles(phase2):
    phase2.run("-m", "phase2", engine="scripted:slow")

    found = verdicts(phase2)
    assert (found["P2-AGG"], found["P2-LAT-P50"], found["P2-LAT-P95"]) == ("FAIL", "FAIL", "PASS")
    assert found["SLA-USERS"] == "FAIL"


def test_stalls_that_the_percentiles_forgive_break_spike_and_stalled_share(phase2):
    phase2.write_profile(base=PROFILE.replace('level_duration = "4 s"', 'level_duration = "30 s"'))

    phase2.run("-k", "twelve_streams or stalled or moments", engine="scripted:stall")

    found = verdicts(phase2)
    assert (found["P2-LAT-P50"], found["P2-LAT-P95"]) == ("PASS", "PASS")
    assert (found["P2-LAT-SPIKE"], found["P2-LAT-STALL"]) == ("FAIL", "FAIL")
    assert phase2.verdicts()["P2-LAT-SPIKE"]["estimate"] == pytest.approx(3000, rel=0.05)


def test_tokens_that_come_together_leave_gaps_invalid_and_throughput_valid(phase2):
    phase2.run("-m", "phase2", engine="scripted:coalesced")

    found = phase2.verdicts()
    assert found["P2-LAT-P95"]["verdict"] == found["P2-LAT-SPIKE"]["verdict"] == "INVALID"
    assert "tokens came several at a time" in found["P2-LAT-P95"]["reason"]
    assert found["P2-AGG"]["verdict"] == "PASS"


def test_a_process_that_ends_under_load_is_counted_and_the_rest_goes_on(phase2):
    phase2.run("-m", "phase2", engine="scripted:crash")

    found = verdicts(phase2)
    assert found["P2-CRASH-LOAD"] == "FAIL"
    assert found["P2-LAT-P95"] == found["P2-AGG"] == found["P2-REQUESTS"] == "INVALID"
    assert len(phase2.records("trouble")) == 3 + 6 * 3


def test_answers_that_stop_early_are_no_answers(phase2):
    phase2.run("-m", "phase2", engine="scripted:eos")

    found = phase2.verdicts()
    assert found["P2-REQUESTS"]["verdict"] == "FAIL"
    assert "0 of 72 requests: missing 72 x stop" in found["P2-REQUESTS"]["reason"]
    assert found["P2-LAT-P95"]["verdict"] == "INVALID"


def test_a_selection_measures_only_the_levels_that_it_needs(phase2):
    phase2.run("-k", "eight_streams_scale")

    assert {(run["data"]["streams"], run["data"]["part"]) for run in phase2.records("load.run")} == {
        (1, "level"),
        (8, "level"),
    }


def test_a_scripted_engine_is_not_drilled(acceptance):
    acceptance.write_shipped("test_monitoring")

    acceptance.run("-m", "phase2")

    found = acceptance.verdicts()["P2-ALERTS"]
    assert found["verdict"] == "NOT MEASURED"
    assert "nothing real is there to be drilled" in found["reason"]
