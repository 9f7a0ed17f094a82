"""An acceptance session whose load comes from other processes: one command each; who did not come is not counted."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_rawrxd.measure import served_run
from pytest_rawrxd.measure.hosts.keys import make_keys
from pytest_rawrxd.rig.server.managed import free_port

FAKE = Path(__file__).parents[1] / "fakes" / "http_server.py"
PROFILE = """
title = "twelve streams from two hosts"
kind = "rehearsal"
extends = "embedded"

[protocol.phase2]
requests = 24
tokens = 8
processes = 1
level_runs = 2
beside = []

[gates.min_runs]
floor = 2
"""


@pytest.fixture
def keys(tmp_path):
    make_keys(tmp_path / "fleet", days=1, now=datetime.now(UTC))
    return tmp_path / "fleet"


@pytest.fixture
def server():
    with subprocess.Popen([sys.executable, str(FAKE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        yield f"openai:http://127.0.0.1:{json.loads(child.stdout.readline())['port']}/good"


def test_two_workers_load_a_server_and_leave_their_records(acceptance, keys, server, monkeypatch):
    monkeypatch.setattr(served_run, "CALIBRATION_S", 0.3)
    acceptance.write_shipped("test_aggregate_throughput")
    acceptance.write_profile(base=PROFILE)
    address = f"tls://127.0.0.1:{free_port()}"

    with ExitStack() as stack:
        for name in ("anna", "bert"):
            command = [sys.executable, "-m", "pytest_rawrxd", "load", "worker", address, "--name", name]
            child = subprocess.Popen([*command, "--keys", str(keys / "worker")], stdout=subprocess.PIPE)
            stack.enter_context(child)
        acceptance.run(
            "-k",
            "every_planned",
            "--sla-load-hosts",
            f"{address}#workers=2&keys={keys / 'coordinator'}",
            engine=server,
        )

    found = acceptance.verdicts()["P2-REQUESTS"]
    assert found["verdict"] in {"PASS", "INVALID"}, found  # a busy machine is no place for clients
    runs = {run["data"]["part"]: run["data"]["http"] for run in acceptance.records("load.run")}
    assert runs["main"]["client"]["hosts"]["answered"] == 2
    assert [each["host"] for each in runs["main"]["calibration"]] == ["anna", "bert"] * 2
    workers = [each["data"] for each in acceptance.records("load.worker")]
    assert {each["name"] for each in workers} == {"anna", "bert"}
    assert {each["state"] for each in workers} == {"whole"}


@pytest.mark.parametrize(
    ("engine", "more", "says"),
    [
        ("scripted:steady", (), "*needs a server that is running*"),
        (None, ("-n", "1"), "*load hosts go with one lane*"),
        (None, (), "*too few load workers came*"),
    ],
)
def test_load_hosts_that_cannot_load_are_refused_before_anything_is_measured(
    acceptance, keys, server, engine, more, says
):
    spec = f"tls://127.0.0.1:{free_port()}#workers=2&keys={keys / 'coordinator'}&wait=1"

    result = acceptance.run("--sla-load-hosts", spec, *more, engine=engine or server)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([says])
    assert not acceptance.run_dir.joinpath("campaign.json").exists()
