"""An acceptance session on a fleet: a list of servers, or a balancer that says who answered."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from pytest_rawrxd.measure.load.arrays import server_code
from pytest_rawrxd.measure.load.calibration import calibrate
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.run import run_load
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.measure.served_run import Client
from pytest_rawrxd.plugin import bench
from pytest_rawrxd.rig.server.target import parse_target

FAKE = Path(__file__).parents[1] / "fakes" / "http_server.py"
PROFILE = """
title = "a fleet of two"
kind = "rehearsal"
extends = "embedded"

[protocol.phase2]
requests = 48
tokens = 8
processes = 1
level_runs = 2
beside = []

[gates]
min_runs.floor = 2
contamination_max = "100 %"

[criteria.P2-FLEET-SPREAD]
title = "Requests are spread over the fleet"
source = "a test of the instrument"
kind = "share"
metric = "server_spread"
where = { streams = 12 }
at_most = "60 %"
"""


@pytest.fixture
def fakes():
    """Two servers, as URLs."""
    with ExitStack() as stack:
        urls = []
        for _ in range(2):
            child = subprocess.Popen([sys.executable, str(FAKE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            stack.enter_context(child)
            urls.append(f"http://127.0.0.1:{json.loads(child.stdout.readline())['port']}")
        yield urls


def test_a_session_on_two_servers_says_how_the_requests_are_spread(acceptance, fakes, monkeypatch):
    once = functools.cache(
        lambda streams: (calibrate(streams=streams, rate=20, seconds=0.5, pattern="burst", environ=os.environ),)
    )
    client = Client(functools.partial(run_load, environ=os.environ), lambda *, streams, **_asked: once(streams))
    monkeypatch.setattr(bench, "load_client", lambda *_: client)
    acceptance.write_shipped("test_fleet")
    acceptance.write_profile(base=PROFILE)

    acceptance.run(engine=f"openai:{fakes[0]}/good,{fakes[1]}/good")

    found = acceptance.verdicts()["P2-FLEET-SPREAD"]
    assert found["verdict"] in {"PASS", "INVALID"}, found  # a busy machine is no place for clients
    assert found["verdict"] == "INVALID" or found["estimate"] < 5
    runs = [each["data"]["http"]["fleet"] for each in acceptance.records("load.run")]
    assert {run["servers"] for run in runs} == {2}
    assert set(runs[0]["names"].values()) == {f"{url}/good/completions" for url in fakes}


def test_who_answered_behind_a_balancer_is_read_from_its_header(fakes):
    target = parse_target(f"openai:{fakes[0]}/balanced#servers=2&server_header=X-Server", environ={})
    plan = LoadPlan(target, ClosedLoop(1), ("x",), requests=6, max_tokens=3, deadline_s=120.0)

    found = run_load(plan, environ=os.environ)

    codes = {server_code(name): name for name in ("node-0", "node-1")}
    assert found.summary["servers"] == {str(code): name for code, name in codes.items()}
    assert sorted(np.unique(found.arrays.server, return_counts=True)[1].tolist()) == [3, 3]
