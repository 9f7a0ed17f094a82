"""Servers that must not pass: the one that cuts its streams, run for real; and what one that replies once can show."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.bundled_server import MISSING, bundled_server

from pytest_rawrxd.measure import served, served_run
from pytest_rawrxd.measure.load.calibration import calibrate
from pytest_rawrxd.measure.load.run import run_load
from pytest_rawrxd.measure.served_run import Client
from pytest_rawrxd.plugin import bench

FAKE = Path(__file__).parents[1] / "fakes" / "http_server.py"
PROFILE = """
title = "twelve streams on a server that is running"
kind = "rehearsal"
extends = "embedded"

[protocol.phase1]
min_duration = "0.2 s"

[protocol.phase1.matrix]
Q4_K = ["64x2"]

[protocol.phase1.processes]
floor = 2

[protocol.phase2]
requests = 24
processes = 2
level_runs = 2
level_duration = "0.3 s"
block = "0.3 s"
beside = []

[gates]
contamination_max = "100 %" # the rest of the suite is other work
min_runs = { floor = 2 }
"""


@pytest.fixture
def phase2(acceptance, monkeypatch):
    """The load tests that ship, with one real calibration instead of two for each run."""
    once = functools.cache(
        lambda streams: (calibrate(streams=streams, rate=20, seconds=0.3, pattern="burst", environ=os.environ),)
    )
    client = Client(functools.partial(run_load, environ=os.environ), lambda *, streams, **_asked: once(streams))
    monkeypatch.setattr(bench, "load_client", lambda *_: client)
    monkeypatch.setattr(served_run, "CALIBRATION_S", 0.3)
    # One request at a time takes a second each: what canaries say of a server is tested where it is quick.
    monkeypatch.setattr(served, "sings", lambda *_: False)
    acceptance.write_profile(base=PROFILE)
    acceptance.write_shipped()
    return acceptance


@pytest.fixture
def replies_once():
    """RawrXD's server as its published source says."""
    with subprocess.Popen([sys.executable, str(FAKE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        yield f"rawrxd:http://127.0.0.1:{json.loads(child.stdout.readline())['port']}/rawrxd"


@pytest.mark.skipif(bool(MISSING), reason=f"llama-cpp-python[server] is not installed: no {MISSING}")
def test_a_server_that_cuts_streams_with_status_200_is_flagged_and_never_passed(phase2):
    phase2.write_profile(base=PROFILE.replace("processes = 2", "processes = 1"))

    with bundled_server() as url:
        result = phase2.run("-k", "inter_token_latency_at_twelve or every_planned", engine=f"openai-chat:{url}")

    found = phase2.verdicts()
    assert result.ret == 1
    assert found["P2-REQUESTS"]["verdict"] == "FAIL"
    assert "x error: the " in found["P2-REQUESTS"]["reason"]  # stream ended, or server closed: as the cut falls
    of_answers = [entry for i, entry in found.items() if i.startswith("P2-LAT") and entry["evidence"]]
    assert {"P2-LAT-P50", "P2-LAT-P95", "P2-LAT-P99"} <= {entry["id"] for entry in of_answers}
    assert {entry["verdict"] for entry in of_answers} == {"INVALID"}
    assert "ended by error: the " in found["P2-LAT-P95"]["reason"]
    assert "PASS" not in {found[i]["verdict"] for i in ("P2-AGG", "SLA-TIMEOUT", "P2-TTFT", "SLA-USERS")}
    result.stdout.fnmatch_lines(["Phase 2: REHEARSAL REJECTED*"])


def test_a_server_that_replies_once_shows_throughput_and_end_and_says_why_it_shows_no_gap(phase2, replies_once):
    phase2.run("-k", "twelve or stalled or first_token or every_planned or timeout", engine=replies_once)

    found = phase2.verdicts()
    for criterion in ("P2-LAT-P50", "P2-LAT-P95", "P2-LAT-SPIKE", "P2-LAT-STALL", "P2-TTFT"):
        assert found[criterion]["verdict"] == "NOT MEASURED", found[criterion]
        assert "replies once" in found[criterion]["reason"]
    assert found["P2-REQUESTS"]["verdict"] == "NOT MEASURED"
    assert "no token count in the reply" in found["P2-REQUESTS"]["reason"]
    assert 0 < found["P2-AGG"]["estimate"] < 32 / 0.01  # one request of 32 tokens at a time, 10 ms each
    assert found["SLA-TIMEOUT"]["verdict"] == "PASS"
    assert found["P2-EFF-12"]["estimate"] < 20
    opened = [run["data"] for run in phase2.records("load.run") if run["data"]["part"] == "open"]
    assert [run["finish_reasons"] for run in opened] == [["other"]] * 2
    assert opened[0]["memory"]["resident_bytes"] > 1e6  # its process is on this machine


def test_a_cell_of_a_server_that_replies_once_has_no_decoding_rate_but_one_of_whole_requests(phase2, replies_once):
    phase2.run("-k", "guarantee", engine=replies_once)

    found = phase2.verdicts()["SLA-TPS-GUARANTEE"]
    assert found["verdict"] == "NOT MEASURED"
    assert "replies once" in found["reason"]
    assert "tok/s from request to reply over" in found["reason"]
